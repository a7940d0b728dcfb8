import type { Node } from 'constructs';
import { PodfreightError } from '../core/errors.ts';
import { parseRetentionPolicy, type RetentionPolicy } from '../core/retention/policy.ts';

/** What a deployment may choose, in cdk.json's `context.podfreight` or as `cdk deploy -c podfreight='{"stackName":"…"}'`. */
export interface Config {
  /**
   * Name of the stacks, and the beginning of the names of what is in them (infra/places.ts). Two deployments in one account
   * need two. Another one later means other buckets and another table: the old ones stay, and are not looked at.
   */
  readonly stackName: string;
  /**
   * One stack in each, of at most eight. Empty: one stack, in whichever region the credentials say. One region can be added (or removed) at a
   * time, because DynamoDB takes one replica at a time.
   */
  readonly regions: readonly string[];
  /** Where the table and the roles of people and nodes are made. The first of `regions` unless set; never change it. */
  readonly primaryRegion?: string;
  /** How long the functions' logs and the buckets' access logs are kept. */
  readonly logRetentionDays: LogRetentionDays;
  /** How long a deleted archive or bundle can still be brought back, 1 to 3650. */
  readonly deletedRetentionDays: number;
  /** How long an upload that was cut off can be gone on with, 1 to 30. */
  readonly unfinishedUploadDays: number;
  /** Whether single archives can be locked against deletion by anybody (S3 Object Lock, legal holds). Costs nothing. */
  readonly objectLock: boolean;
  /** Gets a message for each alarm, after it has confirmed a first one. Unset: subscribe to the topic yourself. */
  readonly alarmEmail?: string;
  /** How many batches of events are catalogued at once, 2 to 1000. */
  readonly catalogueConcurrency: number;
  /** Of the function, which also gets processor time by it: 128 to 10240. */
  readonly catalogueMemoryMiB: number;
  /**
   * How many bundles are made at once, reserved out of the account's concurrency. `"unreserved"` for new accounts, which
   * have too little to reserve any.
   */
  readonly bundleConcurrency: number | 'unreserved';
  /** Of the function, which also gets processor time by it: 512 to 10240. */
  readonly bundleMemoryMiB: number;
  /** How often buckets and catalogue are compared, 1 to 720. */
  readonly reconcileEveryHours: number;
  /** Which checkpoints are removed, once a day (core/retention/policy.ts). Unset: none. */
  readonly retention?: RetentionPolicy;
}

/** What CloudWatch Logs can keep that makes sense here. */
const LOG_RETENTION_DAYS = [7, 14, 30, 60, 90, 180, 365, 731] as const;
type LogRetentionDays = (typeof LOG_RETENTION_DAYS)[number];

export const DEFAULTS: Config = {
  stackName: 'podfreight',
  regions: [],
  logRetentionDays: 90,
  deletedRetentionDays: 30,
  unfinishedUploadDays: 7,
  objectLock: false,
  catalogueConcurrency: 10,
  catalogueMemoryMiB: 512,
  bundleConcurrency: 10,
  // The index of ten thousand pods several times over, and a whole processor (at 1,769 MiB) to compress with.
  bundleMemoryMiB: 2048,
  reconcileEveryHours: 24,
};

/** What fits into the policies of roles that work in all of them. */
const MAX_REGIONS = 8;

type Check = (value: unknown) => boolean;

const between =
  (least: number, most: number): Check =>
  (value) =>
    Number.isInteger(value) && (value as number) >= least && (value as number) <= most;

const isRegion = (value: unknown): value is string =>
  typeof value === 'string' && /^[a-z]{2}(-[a-z]+)+-\d{1,2}$/.test(value);

function isRetentionPolicy(value: unknown): boolean {
  try {
    parseRetentionPolicy(value, 'It');
    return true;
  } catch {
    return false;
  }
}

/** For each setting: its check, and the words for what it must be. */
const CHECKS: Record<keyof Config, [Check, string]> = {
  // What goes into the name of a bucket beside the account, a region and what it holds, of 63 characters in all.
  stackName: [
    (value) => typeof value === 'string' && /^[a-z]([a-z0-9-]{0,20}[a-z0-9])?$/.test(value),
    'a small letter and up to 21 small letters, digits and "-", not ending in "-"',
  ],
  regions: [
    (value) =>
      Array.isArray(value) &&
      value.length <= MAX_REGIONS &&
      value.every(isRegion) &&
      new Set(value).size === value.length,
    `a list of at most ${MAX_REGIONS} regions, each once`,
  ],
  primaryRegion: [isRegion, 'one of "regions"'],
  logRetentionDays: [
    (value) => LOG_RETENTION_DAYS.some((days) => days === value),
    `one of ${LOG_RETENTION_DAYS.join(', ')}`,
  ],
  deletedRetentionDays: [between(1, 3650), 'a whole number from 1 to 3650'],
  unfinishedUploadDays: [between(1, 30), 'a whole number from 1 to 30'],
  objectLock: [(value) => typeof value === 'boolean', 'true or false'],
  alarmEmail: [
    (value) => typeof value === 'string' && /^[^\s@]+@[^\s@]+$/.test(value),
    'an address of electronic mail',
  ],
  catalogueConcurrency: [between(2, 1000), 'a whole number from 2 to 1000'],
  catalogueMemoryMiB: [between(128, 10_240), 'a whole number from 128 to 10240'],
  bundleConcurrency: [
    (value) => value === 'unreserved' || between(1, 1000)(value),
    'a whole number from 1 to 1000, or "unreserved"',
  ],
  bundleMemoryMiB: [between(512, 10_240), 'a whole number from 512 to 10240'],
  reconcileEveryHours: [between(1, 720), 'a whole number from 1 to 720'],
  retention: [isRetentionPolicy, 'a policy like {"keepNewest": 5, "maxAgeDays": 30, "keepAtLeast": 1}'],
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
  const config: Config = { ...DEFAULTS, ...chosen };
  if (config.primaryRegion !== undefined && !config.regions.includes(config.primaryRegion)) {
    throw new PodfreightError(
      'usage',
      'The setting "primaryRegion" of the context "podfreight" must be one of "regions".',
    );
  }
  return config;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new PodfreightError('usage', 'The context "podfreight" is not valid JSON.', { cause });
  }
}
