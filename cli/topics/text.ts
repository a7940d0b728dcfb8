import type { Help } from 'commander';
import type { Topic } from './topic.ts';

/** The topic for a terminal, laid out as the help of commands is. */
export function topicText({ title, paragraphs, entries }: Topic, help: Help): string {
  const width = help.helpWidth ?? 80;
  const termWidth = Math.min(
    entries.reduce((widest, [term]) => Math.max(widest, term.length), 0),
    32,
  );
  return [
    `${title}\n`,
    ...paragraphs.map((paragraph) => `${help.boxWrap(paragraph, width)}\n`),
    entries.map(([term, meaning]) => help.formatItem(term, termWidth, meaning, help)).join('\n'),
    '',
  ].join('\n');
}
