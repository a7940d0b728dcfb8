import { setTimeout as sleep } from 'node:timers/promises';
import type { Argument, Command, Option } from 'commander';
import type { CommandContext } from '../command.ts';
import { commands } from '../commands/index.ts';
import { buildProgram, setUpCommand } from '../program.ts';
import { topics } from '../topics/index.ts';
import { type Candidate, fitting, NOTHING, type Proposal } from './candidate.ts';
import type { Catalogued } from './catalogued.ts';
import { readLine } from './line.ts';

/** However much there is to look for in the catalogue; then the shell proposes nothing. */
const TIME_LIMIT_MS = 3000;

/** What a placeholder in the help stands for: `--input <file>`. */
const BY_PLACEHOLDER: Readonly<Record<string, Catalogued | 'files' | 'directories'>> = {
  file: 'files',
  path: 'files',
  target: 'files',
  directory: 'directories',
  'namespace/name': 'pod',
  pod: 'pod',
  bundle: 'bundle',
};

/** Where the placeholder is only `<name>`. */
const BY_FLAG: Readonly<Record<string, Catalogued>> = {
  '--namespace': 'namespace',
  '--node': 'node',
  '--image': 'image',
  '--sandbox-id': 'sandboxId',
  '--region': 'region',
};

/**
 * What the word under the cursor could be, told by the commands' own flags and arguments.
 * @param words after the program's name; the last is the one under the cursor, and may be empty
 * @throws whatever reaching the catalogue throws
 */
export async function propose(words: readonly string[], context: CommandContext): Promise<Proposal> {
  const program = await buildProgram();
  const [name = '', ...rest] = words;
  if (rest.length === 0) {
    return fitting(name.startsWith('-') ? flagsOf(program) : [...commandNames(), HELP], name);
  }
  if (name === 'help') {
    const about = Object.keys(topics).map((topic) => ({ value: topic, about: 'topic' }));
    return rest.length === 1 ? fitting([...commandNames(), ...about], rest[0] ?? '') : NOTHING;
  }
  const command = await setUpCommand(program, name, context);
  if (command === undefined) return NOTHING;
  const { wanted, given } = readLine(command, rest);
  if (wanted.kind === 'flag') return fitting(flagsOf(command), rest.at(-1) ?? '');
  const [subject, stem] = wanted.kind === 'option' ? [wanted.option, wanted.stem] : [wanted.argument, ''];
  if (subject === undefined) return NOTHING;
  if (subject.argChoices !== undefined) {
    const choices = subject.argChoices.map((value) => ({ value, about: '' }));
    return fitting(choices, wanted.prefix, stem);
  }
  const source = sourceOf(subject);
  if (source === undefined) return NOTHING;
  if (source === 'files' || source === 'directories') return { candidates: [], from: source };
  const late = sleep(TIME_LIMIT_MS, [], { ref: false });
  const found = import('./catalogued.ts').then(({ catalogued }) => catalogued(source, given));
  return fitting(await Promise.race([found, late]), wanted.prefix, stem);
}

const HELP: Candidate = { value: 'help', about: 'explain a command or a topic' };

function commandNames(): Candidate[] {
  const shown = Object.entries(commands).filter(([, { hidden }]) => !hidden);
  return shown.map(([name, { summary }]) => ({ value: name, about: summary }));
}

function flagsOf(command: Command): Candidate[] {
  const options = command.createHelp().visibleOptions(command);
  return options.flatMap(({ long, description }) => (long ? [{ value: long, about: description }] : []));
}

function sourceOf(subject: Option | Argument): Catalogued | 'files' | 'directories' | undefined {
  if (!('flags' in subject)) return BY_PLACEHOLDER[subject.name()];
  const placeholder = /[<[](.*?)(?:\.\.\.)?[>\]]/.exec(subject.flags)?.[1] ?? '';
  return BY_FLAG[subject.long ?? ''] ?? BY_PLACEHOLDER[placeholder];
}
