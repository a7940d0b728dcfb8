import { InvalidArgumentError } from 'commander';
import { PodfreightError } from '../../core/errors.ts';
import type { PrunedArchive } from '../../core/retention/plan-pruning.ts';
import { parseRetentionPolicy, RETENTION, type RetentionPolicy } from '../../core/retention/policy.ts';
import type { PruneAnswer } from '../../core/retention/prune.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { deedOf } from '../deed-flags.ts';
import { safeText } from '../safe-text.ts';
import { openRemovals } from '../services.ts';
import { readSettings } from '../settings.ts';

interface Flags {
  readonly keepNewest?: number;
  readonly maxAgeDays?: number;
  readonly keepAtLeast?: number;
  readonly cluster?: string;
  readonly by?: string;
  readonly dryRun?: boolean;
  readonly table?: string;
  readonly archivesBucket?: string;
}

export const setUp: SetUpCommand = (command, context) => {
  command
    .description(
      'Removes the archives that a retention policy lets go: those of which no checkpoint is kept. The newest checkpoints of ' +
        'each pod stay, and what is held. What goes and why, --dry-run tells before and "podfreight list --removed" after.',
    )
    .option('--keep-newest <count>', 'keep the newest so many checkpoints of each pod', countOf)
    .option('--max-age-days <days>', 'let go what is older', countOf)
    .option('--keep-at-least <count>', 'of each pod, however old; 1 unless set', countOf)
    .option('--cluster <name>', 'in this cluster ($PODFREIGHT_CLUSTER; default)')
    .option('--by <name>', 'who; else user and host')
    .option('--dry-run', 'print what would be removed, and why')
    .option('--table <name>', 'the catalogue table ($PODFREIGHT_TABLE)')
    .option('--archives-bucket <name>', 'only archives in this bucket ($PODFREIGHT_ARCHIVES_BUCKET)')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Without rules, those of $${RETENTION}, as in {"keepNewest": 5, "maxAgeDays": 30}.

Examples:
  $ podfreight prune --keep-newest 5 --max-age-days 30 --dry-run
  $ podfreight prune --max-age-days 90 --keep-at-least 2 --cluster prod`,
    )
    .action((flags: Flags) => prunePods(flags, context));
};

async function prunePods(flags: Flags, { output, signal }: CommandContext): Promise<void> {
  const settings = readSettings({
    ...(flags.table !== undefined && { table: flags.table }),
    ...(flags.cluster !== undefined && { cluster: flags.cluster }),
    ...(flags.archivesBucket !== undefined && { archivesBucket: flags.archivesBucket }),
  });
  const policy = policyOf(flags);
  const { by } = deedOf(flags, '');
  const { prune } = await import('../../core/retention/prune.ts');
  const { dryRun = false } = flags;
  using progress = output.progress(dryRun ? 'Looking' : 'Pruning');
  const onRemoved = ({ archive }: PrunedArchive) => {
    progress.label(`Removing: ${safeText(archive)}`);
  };
  const answer = await prune(
    {
      ...{ policy, dryRun, by, clusters: [settings.cluster ?? 'default'] },
      ...(settings.archivesBucket !== undefined && { bucket: settings.archivesBucket }),
    },
    { ...(await openRemovals(settings)), signal, onRemoved },
  );
  progress[Symbol.dispose]();
  output.result({ policy, ...answer }, textOf(answer));
}

function textOf({ dryRun, removed, held, spared }: PruneAnswer): string {
  const entry = (what: string, { archive, reason }: PrunedArchive) =>
    `${what}  ${safeText(archive)}\n    ${safeText(reason)}\n`;
  const lines = [
    ...removed.map((archive) => entry(dryRun ? 'would remove' : 'removed', archive)),
    ...held.map((archive) => entry('held', archive)),
    ...spared.map((archive) => entry('left', { ...archive, reason: `${archive.reason}; but ${archive.because}` })),
  ];
  return lines.length === 0 ? 'Nothing to remove.\n' : lines.join('');
}

function policyOf({ keepNewest, maxAgeDays, keepAtLeast }: Flags): RetentionPolicy {
  const rules = Object.fromEntries(
    Object.entries({ keepNewest, maxAgeDays, keepAtLeast }).filter(([, count]) => count !== undefined),
  );
  if (Object.keys(rules).length > 0) return parseRetentionPolicy(rules, 'The policy of the flags');
  const text = process.env[RETENTION];
  if (text) return parseRetentionPolicy(parseJson(text), `$${RETENTION}`);
  throw new PodfreightError('usage', `Say what to keep: --keep-newest, --max-age-days, or $${RETENTION}.`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new PodfreightError('usage', `$${RETENTION} is not valid JSON.`, { cause });
  }
}

function countOf(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}
