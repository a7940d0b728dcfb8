import type { SetUpCommand } from '../command.ts';
import type { Proposal } from '../completion/candidate.ts';
import { propose } from '../completion/propose.ts';
import { safeText } from '../safe-text.ts';

const ABOUT_LENGTH_MAX = 80;

/** For the scripts of `podfreight completion`. Whatever fails, a person at the tab key is told nothing. */
export const setUp: SetUpCommand = (command, context) => {
  command.argument('[words...]').action(async (words: readonly string[]) => {
    const proposal = await propose(words, context).catch(() => undefined);
    if (proposal !== undefined) process.stdout.write(asLines(proposal));
  });
};

function asLines({ candidates, from }: Proposal): string {
  const lines = candidates.map(({ value, about }) => `${value}\t${safeText(about).slice(0, ABOUT_LENGTH_MAX)}`);
  return [...lines, ...(from === undefined ? [] : [`:${from}`])].map((line) => `${line}\n`).join('');
}
