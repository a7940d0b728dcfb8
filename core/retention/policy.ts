import { PodfreightError } from '../errors.ts';

/** The environment variable that holds the policy of a deployment, as JSON. */
export const RETENTION = 'PODFREIGHT_RETENTION';

/** Which checkpoints of a pod may go: those that either rule lets go, but never what is held or among the newest few. */
export interface RetentionPolicy {
  /** A pod's newest so many stay; older ones may go. */
  readonly keepNewest?: number;
  /** What is older may go. */
  readonly maxAgeDays?: number;
  /** A pod's newest so many stay, however old; 1 unless set. */
  readonly keepAtLeast: number;
}

const LIMITS: Readonly<Record<keyof RetentionPolicy, readonly [least: number, most: number]>> = {
  keepNewest: [1, 100_000],
  maxAgeDays: [1, 36_500],
  keepAtLeast: [0, 100_000],
};

/**
 * @param where names it in messages
 * @throws PodfreightError `usage`
 */
export function parseRetentionPolicy(value: unknown, where: string): RetentionPolicy {
  const wrong = (problem: string) => new PodfreightError('usage', `${where} ${problem}.`);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong('must be an object');
  for (const [name, count] of Object.entries(value)) {
    const limits = Object.hasOwn(LIMITS, name) ? LIMITS[name as keyof RetentionPolicy] : undefined;
    if (limits === undefined)
      throw wrong(`has the unknown rule ${JSON.stringify(name)}; known are ${Object.keys(LIMITS).join(', ')}`);
    const [least, most] = limits;
    if (!Number.isInteger(count) || count < least || count > most) {
      throw wrong(`needs a whole number from ${least} to ${most} for ${name}`);
    }
  }
  const policy = { keepAtLeast: 1, ...value } as RetentionPolicy;
  const { keepNewest, maxAgeDays, keepAtLeast } = policy;
  if (keepNewest === undefined && maxAgeDays === undefined) throw wrong('says nothing: keepNewest or maxAgeDays');
  if (keepNewest !== undefined && keepNewest < keepAtLeast) {
    throw wrong(`keeps the newest ${keepNewest} and at least ${keepAtLeast}; one of them is wrong`);
  }
  return policy;
}
