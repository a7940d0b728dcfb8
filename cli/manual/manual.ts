import type { EventEmitter } from 'node:events';
import type { Command, Help } from 'commander';
import type { Topic } from '../topics/topic.ts';
import { definition, example, paragraph, roffText, section, subsection } from './roff.ts';

/**
 * The manual page, section 1, from what the commands say of themselves.
 * @param program with all its commands set up
 */
export function manual(program: Command, topics: readonly Topic[]): string {
  const help = program.createHelp();
  const name = program.name();
  const shown = help.visibleCommands(program).filter((command) => command.name() !== 'help');
  return [
    `.\\" Made by "${name} manual".\n`,
    `.TH ${name.toUpperCase()} 1 "" "${name} ${roffText(program.version() ?? '')}" "User Commands"\n`,
    section('Name'),
    `${name} \\- ${roffText(lowerFirst(program.description()).replace(/\.$/, ''))}\n`,
    section('Synopsis'),
    `.B ${name}\n.I command\n[options] [arguments]\n.br\n.B ${name} help\n[\n.IR command \\ |\n.IR topic \\ ]\n`,
    section('Description'),
    paragraph(
      'Moves checkpoints of Kubernetes pods from node to node through S3: pushes them from the kubelet directory of one ' +
        'node, finds them in a catalogue, merges them into bundles, and lands them in the kubelet directory of another.',
    ),
    paragraph(
      'Results go to stdout, messages and progress to stderr; with --json results and errors are JSON. What insert and ' +
        'pull land is all there or not at all, and survives a power cut once they have ended with 0.',
    ),
    section('Commands'),
    ...shown.map((command) => commandPart(command, help)),
    ...topics.map(topicPart),
  ].join('');
}

function commandPart(command: Command, help: Help): string {
  const entries = [
    ...help
      .visibleArguments(command)
      .map((argument) => [help.argumentTerm(argument), help.argumentDescription(argument)]),
    ...help
      .visibleOptions(command)
      .filter(({ long }) => long !== '--help')
      .map((option) => [help.optionTerm(option), help.optionDescription(option)]),
  ] as const;
  const after = afterHelp(command).trim();
  return [
    subsection(help.commandUsage(command)),
    paragraph(command.description()),
    ...entries.map(([term = '', meaning = '']) => definition(term, meaning)),
    after === '' ? '' : example(after),
  ].join('');
}

function topicPart({ title, paragraphs, entries }: Topic): string {
  return [
    section(title),
    ...paragraphs.map(paragraph),
    ...entries.map(([term, meaning]) => definition(term.trim(), meaning)),
  ].join('');
}

/** What the command adds to its help: commander asks its listeners for it. */
function afterHelp(command: Command): string {
  let text = '';
  const emitter = command as unknown as EventEmitter; // its types do not say so
  emitter.emit('afterHelp', { error: false, command, write: (more: string) => (text += more) });
  return text;
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}
