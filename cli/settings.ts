import { readFileSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import { join } from 'node:path';
import { PodfreightError } from '../core/errors.ts';
import { checkOrigin, type Origin } from '../core/keys.ts';
import { parseRegions, type Regions } from '../core/regions.ts';

interface Setting {
  readonly flag: string;
  readonly variable: string;
  readonly what: string;
  /** The commands that have the flag, and what it is unless set. */
  readonly use: string;
  /** Of the stack, when it has the value. infra/outputs.ts */
  readonly output?: string;
}

/** Where things are. Each is looked for in its flag, then the environment, then the configuration file. */
export const SETTINGS = {
  archivesBucket: {
    flag: '--archives-bucket',
    variable: 'PODFREIGHT_ARCHIVES_BUCKET',
    what: 'the bucket of archives',
    use: 'push, checkpoint, agent, rm, hold, unhold, prune',
    output: 'ArchivesBucket',
  },
  bundlesBucket: {
    flag: '--bundles-bucket',
    variable: 'PODFREIGHT_BUNDLES_BUCKET',
    what: 'the bucket of bundles',
    use: 'pull',
    output: 'BundlesBucket',
  },
  table: {
    flag: '--table',
    variable: 'PODFREIGHT_TABLE',
    what: 'the catalogue table',
    use: 'list, pull --pod, agent --prune, rm, hold, unhold, prune',
    output: 'Table',
  },
  bundleFunction: {
    flag: '--bundle-function',
    variable: 'PODFREIGHT_BUNDLE_FUNCTION',
    what: 'the bundle function',
    use: 'bundle',
    output: 'BundleFunction',
  },
  regions: {
    flag: '--regions',
    variable: 'PODFREIGHT_REGIONS',
    what: 'the buckets of all regions, in JSON',
    use: 'all that bundle, pull, push and list in several regions',
    output: 'Regions',
  },
  cluster: {
    flag: '--cluster',
    variable: 'PODFREIGHT_CLUSTER',
    what: 'the cluster',
    use: 'push, checkpoint, agent, list, bundle, pull --pod, rm, hold, unhold, prune; "default" unless set',
  },
  node: {
    flag: '--node',
    variable: 'PODFREIGHT_NODE',
    what: 'the node',
    use: "push, checkpoint, agent; the host's name unless set",
  },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof SETTINGS;
export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];
export type Settings = Readonly<Partial<Record<SettingName, string>>>;

/** `$PODFREIGHT_CONFIG`, else `podfreight/config.json` in `$XDG_CONFIG_HOME` (`~/.config`). */
export function configPath(environment: NodeJS.ProcessEnv = process.env): string {
  if (environment.PODFREIGHT_CONFIG) return environment.PODFREIGHT_CONFIG;
  return join(environment.XDG_CONFIG_HOME || join(homedir(), '.config'), 'podfreight', 'config.json');
}

/**
 * Flags over environment over configuration file; names nobody set are absent.
 * @throws PodfreightError `usage` when the configuration file is not a JSON object of known names and texts
 */
export function readSettings(flags: Settings, environment: NodeJS.ProcessEnv = process.env): Settings {
  const file = readConfig(configPath(environment), Boolean(environment.PODFREIGHT_CONFIG));
  const settings: Partial<Record<SettingName, string>> = {};
  for (const name of SETTING_NAMES) {
    if (flags[name] === '') throw new PodfreightError('usage', `${SETTINGS[name].flag} must not be empty.`);
    const value = flags[name] ?? (environment[SETTINGS[name].variable] || file[name]);
    if (value) settings[name] = value;
  }
  return settings;
}

function readConfig(path: string, required: boolean): Settings {
  const values = readConfigFile(path);
  if (values === undefined && required) throw badConfig(path, 'cannot be read');
  for (const [name, setting] of Object.entries(values ?? {})) {
    if (!Object.hasOwn(SETTINGS, name)) {
      throw badConfig(path, `has the unknown name ${JSON.stringify(name)}; known are ${SETTING_NAMES.join(', ')}`);
    }
    if (textOf(name as SettingName, setting) === undefined) {
      throw badConfig(path, `needs a text for ${JSON.stringify(name)}`);
    }
  }
  return Object.fromEntries(
    Object.entries(values ?? {}).map(([name, value]) => [name, textOf(name as SettingName, value)]),
  );
}

/** A value of the configuration file as a setting; undefined when it cannot be one. The file has regions as an object. */
export function textOf(name: SettingName, value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return name === 'regions' && typeof value === 'object' && value !== null ? JSON.stringify(value) : undefined;
}

/**
 * What the file holds, whatever the names; undefined when there is no file.
 * @throws PodfreightError `usage` when it cannot be read, or is no JSON object
 */
export function readConfigFile(path: string): Record<string, unknown> | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw badConfig(path, 'cannot be read', cause);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw badConfig(path, 'is not valid JSON', cause);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw badConfig(path, 'must hold a JSON object');
}

function badConfig(path: string, why: string, cause?: unknown): PodfreightError {
  return new PodfreightError('usage', `The configuration file ${path} ${why}.`, { cause, subject: { path } });
}

/** @throws PodfreightError `usage` naming the flag and the variable when `name` is not set */
export function required(settings: Settings, name: SettingName): string {
  const value = settings[name];
  if (value !== undefined) return value;
  const { flag, variable, what } = SETTINGS[name];
  throw new PodfreightError(
    'usage',
    `Nothing says which is ${what}: run "podfreight configure", set ${variable} or give ${flag}.`,
    {
      subject: { setting: name },
    },
  );
}

/** @throws PodfreightError `usage` when the setting is not what the stack writes */
export function regionsIn({ regions }: Settings): Regions {
  return regions === undefined
    ? new Map()
    : parseRegions(regions, `The setting "regions" ($${SETTINGS.regions.variable})`);
}

/** The cluster is `default` and the node is this host unless set. */
export function originOf(settings: Settings): Origin {
  return checkOrigin({ cluster: settings.cluster ?? 'default', node: settings.node ?? hostname() });
}
