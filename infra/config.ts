import type { Node } from 'constructs';
import { PodfreightError } from '../core/errors.ts';

/** What a deployment may choose, in cdk.json's `context.podfreight` or as `cdk deploy -c podfreight='{"stackName":"…"}'`. */
export interface Config {
  /** Name of the stack; two deployments in one account and region need two names. */
  readonly stackName: string;
  /** How long the functions' logs and the buckets' access logs are kept. */
  readonly logRetentionDays: LogRetentionDays;
  /** How many batches of events are catalogued at once, 2 to 1000. */
  readonly catalogueConcurrency: number;
  /**
   * How many bundles are made at once. Unset: as many as the account allows. Reserving takes from the account's
   * concurrency, of which new accounts have too little to reserve any.
   */
  readonly bundleConcurrency?: number;
}

/** What CloudWatch Logs can keep that makes sense here. */
const LOG_RETENTION_DAYS = [7, 14, 30, 60, 90, 180, 365, 731] as const;
type LogRetentionDays = (typeof LOG_RETENTION_DAYS)[number];

const DEFAULTS: Config = { stackName: 'podfreight', logRetentionDays: 90, catalogueConcurrency: 10 };

type Check = (value: unknown) => boolean;

const between =
  (least: number, most: number): Check =>
  (value) =>
    Number.isInteger(value) && (value as number) >= least && (value as number) <= most;

/** For each setting: its check, and the words for what it must be. */
const CHECKS: Record<keyof Config, [Check, string]> = {
  stackName: [
    (value) => typeof value === 'string' && /^[A-Za-z][A-Za-z0-9-]{0,127}$/.test(value),
    'a letter and up to 127 letters, digits and "-"',
  ],
  logRetentionDays: [
    (value) => LOG_RETENTION_DAYS.some((days) => days === value),
    `one of ${LOG_RETENTION_DAYS.join(', ')}`,
  ],
  catalogueConcurrency: [between(2, 1000), 'a whole number from 2 to 1000'],
  bundleConcurrency: [between(1, 1000), 'a whole number from 1 to 1000'],
};

/**
 * The app's context `podfreight`: an object, or its JSON when it comes from the command line; defaults where it is silent.
 * @throws PodfreightError `usage` naming the setting that is unknown or wrong
 */
export function readConfig(node: Node): Config {
  const context: unknown = node.tryGetContext('podfreight') ?? {};
  const chosen = typeof context === 'string' ? parse(context) : context;
  if (typeof chosen !== 'object' || chosen === null || Array.isArray(chosen)) {
    throw new PodfreightError('usage', 'The context "podfreight" must be an object of settings.');
  }
  for (const [name, value] of Object.entries(chosen)) {
    if (!Object.hasOwn(CHECKS, name)) {
      const known = Object.keys(CHECKS).join(', ');
      throw new PodfreightError(
        'usage',
        `The context "podfreight" has the unknown setting "${name}"; known are ${known}.`,
      );
    }
    const [check, words] = CHECKS[name as keyof Config];
    if (!check(value)) {
      throw new PodfreightError('usage', `The setting "${name}" of the context "podfreight" must be ${words}.`);
    }
  }
  return { ...DEFAULTS, ...chosen };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new PodfreightError('usage', 'The context "podfreight" is not valid JSON.', { cause });
  }
}
