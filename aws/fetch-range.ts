import { GetObjectCommand, type GetObjectCommandOutput, type S3Client } from '@aws-sdk/client-s3';
import { PodfreightError } from '../core/errors.ts';
import type { ObjectLocation } from '../core/ports.ts';
import { type ByteRange, httpRange, rangeLength } from '../core/range.ts';
import { isSilent, isThrottled, s3Name } from './errors.ts';
import type { RequestTemplate } from './request-template.ts';
import { backOff } from './retry.ts';
import { Landing } from './transfer/landing.ts';
import type { Limiter } from './transfer/limiter.ts';
import type { WireOptions } from './transfer/wire-handler.ts';

/** Why requests end that nobody waits for: made once, because an `AbortError` with its stack is dear for each. */
export const OVER = Object.assign(new Error('nobody waits for it any more'), { name: 'AbortError' });

/** One version of an object, and the line to it. */
export interface PinnedObject {
  readonly client: S3Client;
  readonly location: ObjectLocation;
  readonly etag: string;
  readonly sizeBytes: number;
  readonly limiter: Limiter;
  /** For its ranges. */
  readonly template: RequestTemplate;
}

/** Answers in a row that may break off before they brought as much as counts. */
const ATTEMPTS = 5;
const COUNTS_BYTES = 64 * 1024;
/** A request that takes so many times what others took is made again elsewhere; the first to end wins. */
const SLOW = 4;
const SLOW_MS = 1_000;
/** As long as there are no others to compare it with. */
const SLOW_AT_FIRST_MS = 5_000;
const WAIT_PIECES = 8;

/**
 * Fills `bytes` with `range`. What was received before an answer broke off is kept, and only the rest asked for again, on
 * another connection; so is the rest of an answer that is much slower than others.
 * @throws whatever the last attempt threw
 */
export async function fetchRange(object: PinnedObject, range: ByteRange, bytes: Buffer, signal?: AbortSignal) {
  const fetch = new RangeFetch(object, range, bytes);
  for (let attempt = 1, counted = 0; ; attempt++) {
    try {
      return await object.limiter.run(rangeLength(range), () => fetch.run(signal));
    } catch (error) {
      if (fetch.received - counted >= COUNTS_BYTES) {
        counted = fetch.received;
        attempt = 1;
      }
      if (attempt === ATTEMPTS || signal?.aborted || !isTransient(error)) throw error;
      await backOff(attempt, signal);
    }
  }
}

type RangeAnswer = Pick<GetObjectCommandOutput, 'ContentLength' | 'ContentRange'>;

class RangeFetch {
  readonly #object: PinnedObject;
  readonly #range: ByteRange;
  readonly #bytes: Buffer;
  /** From the beginning of `bytes`, whoever brought them: all attempts bring the same. */
  received = 0;

  constructor(object: PinnedObject, range: ByteRange, bytes: Buffer) {
    this.#object = object;
    this.#range = range;
    this.#bytes = bytes;
  }

  /** Asks for what is missing, and once more when that takes too long. */
  async run(signal?: AbortSignal): Promise<void> {
    const { limiter } = this.#object;
    const { typicalMs } = limiter;
    const slowMs = typicalMs === undefined ? SLOW_AT_FIRST_MS : Math.max(SLOW_MS, SLOW * typicalMs);
    const abort = new AbortController();
    const both = signal === undefined ? abort.signal : AbortSignal.any([abort.signal, signal]);
    try {
      const first = this.#get(both);
      if ((await endsWithin(first, slowMs)) || !limiter.mayDouble) return await first;
      await limiter.double(() => Promise.any([first, this.#get(both)]));
    } catch (error) {
      if (!(error instanceof AggregateError) || 'code' in error) throw error;
      throw error.errors.find((one) => !isTransient(one)) ?? error.errors[0];
    } finally {
      abort.abort(OVER); // the loser must not write to `bytes` any more
    }
  }

  async #get(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted(); // also when it waited for its turn meanwhile
    const offset = this.received;
    if (offset === this.#bytes.length) return;
    const range = { start: this.#range.start + offset, end: this.#range.end };
    const { location, limiter } = this.#object;
    const landing = new Landing(this.#bytes.subarray(offset), () => {
      this.received = Math.max(this.received, offset + landing.received);
    });
    const options: WireOptions = { abortSignal: signal, landing, onPressure: () => limiter.reduce() };
    const answer = await this.#ask(httpRange(range), options);
    if (!this.#obeys(answer, range)) {
      const { start, end } = range;
      throw new PodfreightError(
        'service',
        `${s3Name(location)} was asked for bytes ${start} to ${end} and answered with others.`,
      );
    }
  }

  async #ask(range: string, options: WireOptions): Promise<RangeAnswer> {
    const { client, location, etag, template } = this.#object;
    const like = await template.send({ headers: { range } }, options);
    if (like !== undefined) {
      const { 'content-length': length, 'content-range': contentRange } = like.headers;
      return { ContentLength: Number(length), ContentRange: contentRange };
    }
    const command = new GetObjectCommand({
      Bucket: location.bucket,
      Key: location.key,
      VersionId: location.versionId,
      IfMatch: etag,
      Range: range,
    });
    template.learnFrom(command);
    return await client.send(command, options);
  }

  #obeys(answer: RangeAnswer, range: ByteRange): boolean {
    const { sizeBytes } = this.#object;
    if (answer.ContentLength !== rangeLength(range)) return false;
    if (answer.ContentRange === undefined) return range.start === 0 && range.end === sizeBytes;
    return answer.ContentRange === `bytes ${range.start}-${range.end - 1}/${sizeBytes}`;
  }
}

/** Time in which this process itself stands still is none of the answer's: however long, it counts as one of the pieces. */
async function endsWithin(work: Promise<unknown>, milliseconds: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  let passed = 0;
  const timer = setInterval(() => {
    passed += 1;
    if (passed === WAIT_PIECES) resolve(false);
  }, milliseconds / WAIT_PIECES);
  work.then(
    () => resolve(true),
    () => resolve(true),
  );
  try {
    return await promise;
  } finally {
    clearInterval(timer);
  }
}

/** The SDK has tried three times already, but in the middle of a transfer it is worth some patience. */
function isTransient(error: unknown): boolean {
  return isThrottled(error) || isSilent(error);
}
