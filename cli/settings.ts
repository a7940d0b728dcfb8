import { readFileSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import { join } from 'node:path';
import { PodfreightError } from '../core/errors.ts';
import { checkOrigin, type Origin } from '../core/keys.ts';

/** Where things are. Each is looked for in its flag, then the environment, then the configuration file. */
const NAMES = {
  archivesBucket: { flag: '--archives-bucket', variable: 'PODFREIGHT_ARCHIVES_BUCKET', what: 'the bucket of archives' },
  bundlesBucket: { flag: '--bundles-bucket', variable: 'PODFREIGHT_BUNDLES_BUCKET', what: 'the bucket of bundles' },
  table: { flag: '--table', variable: 'PODFREIGHT_TABLE', what: 'the catalogue table' },
  bundleFunction: { flag: '--bundle-function', variable: 'PODFREIGHT_BUNDLE_FUNCTION', what: 'the bundle function' },
  cluster: { flag: '--cluster', variable: 'PODFREIGHT_CLUSTER', what: 'the cluster' },
  node: { flag: '--node', variable: 'PODFREIGHT_NODE', what: 'the node' },
} as const;

export type SettingName = keyof typeof NAMES;
export type Settings = Readonly<Partial<Record<SettingName, string>>>;

/** `$PODFREIGHT_CONFIG`, else `podfreight/config.json` in `$XDG_CONFIG_HOME` (`~/.config`). */
export function configPath(environment: NodeJS.ProcessEnv = process.env): string {
  const base = environment.XDG_CONFIG_HOME || join(homedir(), '.config');
  return environment.PODFREIGHT_CONFIG || join(base, 'podfreight', 'config.json');
}

/**
 * Flags over environment over configuration file; names nobody set are absent.
 * @throws PodfreightError `usage` when the configuration file is not a JSON object of known names and texts
 */
export function readSettings(flags: Settings, environment: NodeJS.ProcessEnv = process.env): Settings {
  const file = readConfig(configPath(environment), environment.PODFREIGHT_CONFIG !== undefined);
  const settings: Partial<Record<SettingName, string>> = {};
  for (const name of Object.keys(NAMES) as SettingName[]) {
    if (flags[name] === '') throw new PodfreightError('usage', `${NAMES[name].flag} must not be empty.`);
    const value = flags[name] ?? (environment[NAMES[name].variable] || file[name]);
    if (value) settings[name] = value;
  }
  return settings;
}

function readConfig(path: string, required: boolean): Settings {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if (!required && (cause as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new PodfreightError('usage', `The configuration file ${path} cannot be read.`, { cause, subject: { path } });
  }
  const bad = (why: string, cause?: unknown) =>
    new PodfreightError('usage', `The configuration file ${path} ${why}.`, { cause, subject: { path } });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw bad('is not valid JSON', cause);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad('must hold a JSON object');
  for (const [name, setting] of Object.entries(value)) {
    if (!Object.hasOwn(NAMES, name)) {
      throw bad(`has the unknown name ${JSON.stringify(name)}; known are ${Object.keys(NAMES).join(', ')}`);
    }
    if (typeof setting !== 'string') throw bad(`needs a text for ${JSON.stringify(name)}`);
  }
  return value as Settings;
}

/** @throws PodfreightError `usage` naming the flag and the variable when `name` is not set */
export function required(settings: Settings, name: SettingName): string {
  const value = settings[name];
  if (value !== undefined) return value;
  const { flag, variable, what } = NAMES[name];
  throw new PodfreightError('usage', `Nothing says which is ${what}: set ${variable} or give ${flag}.`, {
    subject: { setting: name },
  });
}

/** The cluster is `default` and the node is this host unless set. */
export function originOf(settings: Settings): Origin {
  return checkOrigin({ cluster: settings.cluster ?? 'default', node: settings.node ?? hostname() });
}
