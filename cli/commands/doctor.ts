import { PodfreightError } from '../../core/errors.ts';
import type { Regions } from '../../core/regions.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { type Check, examine } from '../doctor/finding.ts';
import { KUBELET_CHECKPOINTS } from '../kubelet-directory.ts';
import { safeText } from '../safe-text.ts';
import { addSettingFlags, settingsAmong } from '../setting-flags.ts';
import { configPath, readSettings, regionsIn, type Settings } from '../settings.ts';

interface Flags extends Settings {
  readonly target: string;
}

export const setUp: SetUpCommand = (command, context) => {
  command
    .description(
      'Looks whether podfreight can work here: settings, credentials, buckets, table, function, clock, and the kubelet ' +
        'directory with its space. Says what to do about what it finds, and changes nothing.',
    )
    .option('-t, --target <directory>', 'the kubelet directory', KUBELET_CHECKPOINTS);
  addSettingFlags(command, ['archivesBucket', 'bundlesBucket', 'table', 'bundleFunction'])
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ podfreight doctor
  $ podfreight doctor --json | jq '.checks[] | select(.state != "ok")'

A "problem" makes a command fail: the exit code is that of the first. Look at a
"warning", too; a "note" is to know.`,
    )
    .action((flags: Flags) => doctor(flags, context));
};

async function doctor(flags: Flags, { output }: CommandContext): Promise<void> {
  const [here, there] = await Promise.all([examineNodeAt(flags.target), examineService(settingsAmong(flags))]);
  const checks = [...there, ...here];
  const problems = checks.filter(({ state }) => state === 'problem');
  output.result({ well: problems.length === 0, checks }, checks.map(asText).join(''));
  const [first] = problems;
  if (first === undefined) return;
  const names = problems.map(({ check }) => check).join(', ');
  throw new PodfreightError(
    first.code ?? 'internal',
    `${problems.length} of ${checks.length} checks found a problem: ${names}.`,
    { subject: { problems: problems.map(({ check }) => check) } },
  );
}

async function examineNodeAt(target: string): Promise<Check[]> {
  const { examineNode } = await import('../doctor/kubelet.ts');
  return examineNode(target);
}

async function examineService(flags: Settings): Promise<Check[]> {
  const [{ examineAws, lookAtSettings }, { Probe }] = await Promise.all([
    import('../doctor/aws.ts'),
    import('../../aws/probe.ts'),
  ]);
  let settings: Settings = {};
  let regions: Regions = new Map();
  const found = await examine('settings', () => {
    settings = readSettings(flags);
    regions = regionsIn(settings);
    return lookAtSettings(settings, configPath());
  });
  using probe = new Probe(regions);
  return [found, ...(await examineAws(settings, regions, probe))];
}

const STATE_WIDTH = 'problem'.length;
const CHECK_WIDTH = 'credentials'.length;

/** One line, and below it what to do. */
function asText({ state, check, message, advice }: Check): string {
  const begin = `${state.padEnd(STATE_WIDTH)}  ${check.padEnd(CHECK_WIDTH)}  `;
  const then = advice === undefined ? '' : `${' '.repeat(begin.length)}${safeText(advice)}\n`;
  return `${begin}${safeText(message)}\n${then}`;
}
