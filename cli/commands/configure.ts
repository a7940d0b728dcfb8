import { PodfreightError } from '../../core/errors.ts';
import { parseRegions } from '../../core/regions.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { type Change, ConfigFile } from '../config-file.ts';
import { safeText } from '../safe-text.ts';
import { addSettingFlags, settingsAmong } from '../setting-flags.ts';
import { configPath, originOf, regionsIn, SETTING_NAMES, SETTINGS, type Settings } from '../settings.ts';

interface Flags extends Settings {
  readonly stack?: string;
  readonly dryRun?: boolean;
}

export const setUp: SetUpCommand = (command, context) => {
  command
    .description(
      'Writes the configuration file: where things are, from the outputs of the deployed stack, or by hand. ' +
        'What is in the file besides stays. Without flags it shows what is set, and where.',
    )
    .option('--stack <name>', "take buckets, table and function from this CloudFormation stack's outputs");
  addSettingFlags(command)
    .option('--dry-run', 'say what would change; write nothing')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ podfreight configure --stack podfreight --cluster prod
  $ podfreight configure --archives-bucket my-archives    by hand
  $ podfreight configure                                  what is set, and where

"podfreight doctor" then tells whether it works.`,
    )
    .action((flags: Flags) => configure(flags, context));
};

async function configure(flags: Flags, context: CommandContext): Promise<void> {
  const given = settingsAmong(flags);
  checkNames(given);
  const file = ConfigFile.read(configPath());
  if (flags.stack === undefined && Object.keys(given).length === 0) return show(file, context);

  const found = flags.stack === undefined ? {} : await settingsOfStack(flags.stack);
  const next = file.with({ ...found, ...given });
  const changes = file.changesTo(next);
  if (changes.length > 0 && !flags.dryRun) await next.write();
  tellChanges(next, changes, flags.dryRun === true, context);
}

/** @throws PodfreightError `usage` for what cannot be the name of anything */
function checkNames(given: Settings): void {
  for (const name of SETTING_NAMES) {
    const { flag } = SETTINGS[name];
    if (given[name] === '') throw new PodfreightError('usage', `${flag} must not be empty.`);
    if (name.endsWith('Bucket') && given[name]?.includes('/')) {
      throw new PodfreightError('usage', `${flag} takes the bucket's bare name, and not ${given[name]}.`);
    }
  }
  originOf({ cluster: 'default', node: 'node', ...given });
  regionsIn(given);
}

async function settingsOfStack(stack: string): Promise<Settings> {
  const { stackOutputs } = await import('../../aws/stack-outputs.ts');
  const outputs = await stackOutputs(stack);
  const settings: Partial<Record<keyof Settings, string>> = {};
  const known: string[] = [];
  for (const name of SETTING_NAMES) {
    const setting = SETTINGS[name];
    if (!('output' in setting)) continue;
    known.push(setting.output);
    const value = outputs.get(setting.output);
    if (value) settings[name] = value;
  }
  regionsIn(settings);
  if (Object.keys(settings).length > 0) return settings;
  throw new PodfreightError(
    'not-found',
    `The stack ${stack} has none of the outputs ${known.join(', ')}; is it podfreight's, and is it deployed?`,
    { subject: { stack } },
  );
}

function tellChanges(file: ConfigFile, changes: readonly Change[], dryRun: boolean, { output }: CommandContext): void {
  const { path, settings } = file;
  const rows = Object.entries(settings).map(([name, value]) => {
    const change = changes.find(({ setting }) => setting === name);
    const was = change?.from === undefined ? undefined : shown(name, change.from);
    const news = change === undefined ? 'unchanged' : was === undefined ? 'new' : `was ${was}`;
    return [name, shown(name, value), news] as const;
  });
  const title = changes.length === 0 ? 'Nothing to change in' : dryRun ? 'Would write' : 'Wrote';
  output.result({ path, settings, changes }, `${title} ${safeText(path)}:\n${columns(rows)}`);
  warnOfUnknown(file, output);
  for (const name of SETTING_NAMES) {
    const { variable } = SETTINGS[name];
    const inEnvironment = process.env[variable];
    if (inEnvironment && settings[name] !== undefined && inEnvironment !== settings[name]) {
      output.warn(`${variable} is set to ${inEnvironment}, which goes before what the configuration file says.`);
    }
  }
}

/** Of regions, their names: all of it is in the file. */
function shown(name: string, value: string): string {
  if (name !== 'regions') return value;
  try {
    return [...parseRegions(value, name).keys()].join(' ');
  } catch {
    return value;
  }
}

/** What the other commands will find. */
function show(file: ConfigFile, { output }: CommandContext): void {
  const found = SETTING_NAMES.map((name) => {
    const { variable } = SETTINGS[name];
    const inEnvironment = process.env[variable];
    if (inEnvironment) return { name, value: inEnvironment, from: 'environment', where: `from $${variable}` };
    const value = file.settings[name];
    if (value !== undefined) return { name, value, from: 'file', where: 'from the file' };
    return { name, where: 'not set' };
  });
  const settings = Object.fromEntries(
    found.filter(({ value }) => value !== undefined).map(({ name, value, from }) => [name, { value, from }]),
  );
  const rows = found.map(
    ({ name, value, where }) => [name, value === undefined ? '' : shown(name, value), where] as const,
  );
  output.result({ path: file.path, settings }, `Configuration file ${safeText(file.path)}:\n${columns(rows)}`);
  warnOfUnknown(file, output);
}

function warnOfUnknown({ path, unknownNames }: ConfigFile, output: CommandContext['output']): void {
  if (unknownNames.length === 0) return;
  const names = unknownNames.map((name) => JSON.stringify(name)).join(', ');
  output.warn(`${path} has names that other commands refuse: ${names}.`);
}

function columns(rows: readonly (readonly [name: string, value: string, note: string])[]): string {
  const safe = rows.map((row) => row.map(safeText));
  const width = (column: number) => safe.reduce((widest, row) => Math.max(widest, row[column]!.length), 0);
  const [nameWidth, valueWidth] = [width(0), width(1)];
  return safe
    .map(([name = '', value = '', note = '']) => `  ${name.padEnd(nameWidth)}  ${value.padEnd(valueWidth)}  ${note}\n`)
    .join('');
}
