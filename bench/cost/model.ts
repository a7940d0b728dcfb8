import { isDeepStrictEqual } from 'node:util';
import { S3_PART_LIMITS } from '../../core/bundle/part-limits.ts';
import type { Counted, Counts } from './count.ts';
import { PRICES } from './prices.ts';

const MiB = 1024 ** 2;
/** aws/put.ts */
const PUSH_PART_BYTES = 8 * MiB;
/** A pull asks for 2 to 4 MiB at once, as it goes. */
const LEAST_RANGE_BYTES = 2 * MiB;
const HEADS_OF_A_PULL = 3;

/** Seconds that a function is taken to run for, since nothing here runs as fast or slow as Lambda does. */
export const SECONDS = { catalogue: 0.2, bundle: 5 };
export const MEMORY_GIB = { catalogue: 0.5, bundle: 2 };

/** Requests of a push of that many bytes in S3: one; or a beginning, a look for one to go on with, parts and an end. */
export function pushPuts(bytes: number): number {
  return bytes <= PUSH_PART_BYTES ? 1 : 3 + Math.ceil(bytes / PUSH_PART_BYTES);
}

/** Requests of a bundle of members that are copied: their parts, and what is around them. */
export function bundlePuts(memberBytes: readonly number[]): number {
  const copies = memberBytes.map((bytes) => Math.max(1, Math.round(bytes / S3_PART_LIMITS.copyPartBytes)));
  return 5 + copies.reduce((sum, one) => sum + one, 0);
}

/** At most. */
export function pullGets(bytes: number): number {
  return HEADS_OF_A_PULL + Math.ceil(bytes / LEAST_RANGE_BYTES);
}

/**
 * Whether the model says of what was counted what was counted.
 * @throws Error when it does not, naming what
 */
export function checkModel(counted: Counted): void {
  const { largeBytes, smallBytes, bundleBytes } = counted;
  const expected: Record<string, [number, number]> = {
    'PUTs of a small push': [counted.pushSmall.s3Put, pushPuts(smallBytes)],
    'PUTs of a large push': [counted.pushLarge.s3Put, pushPuts(largeBytes)],
    'PUTs of a bundle': [counted.bundle.s3Put, bundlePuts([largeBytes, largeBytes])],
  };
  for (const [what, [actual, said]] of Object.entries(expected)) {
    if (!isDeepStrictEqual(actual, said)) throw new Error(`${what}: counted ${actual}, the model says ${said}.`);
  }
  for (const { s3Get } of [counted.pullBundle, counted.pullPods]) {
    if (s3Get > pullGets(bundleBytes)) throw new Error(`A pull took ${s3Get} GETs, more than the model's bound.`);
  }
}

export function dollarsOf(counts: Counts, gibSeconds = 0): number {
  return (
    counts.s3Put * PRICES.s3Put.dollars +
    counts.s3Get * PRICES.s3Get.dollars +
    counts.dynamodbWrite * PRICES.dynamodbWrite.dollars +
    counts.dynamodbRead * PRICES.dynamodbRead.dollars +
    counts.invocations * PRICES.lambdaRequest.dollars +
    gibSeconds * PRICES.lambdaGbSecond.dollars
  );
}
