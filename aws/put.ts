import { crc32 } from 'node:zlib';
import { HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { BufferPool } from '../core/archive/buffer-pool.ts';
import { S3_PART_LIMITS, streamPartBytes } from '../core/bundle/part-limits.ts';
import { isPodfreightError, PodfreightError } from '../core/errors.ts';
import type { ObjectLocation, PutOptions, StoredObject } from '../core/ports.ts';
import { httpStatus, isNamed, s3Error, s3Name } from './errors.ts';
import { MultipartUpload, putWhole, type SentPart, type WriteOptions } from './multipart.ts';
import { parallel } from './parallel.ts';
import { Limiter } from './transfer/limiter.ts';
import { unfinishedUploads } from './unfinished-uploads.ts';
import { withAbort } from './with-abort.ts';
import { conflict } from './write-once.ts';

const MiB = 1024 * 1024;
/** What is sent again when something breaks; bodies over 78 GiB take larger ones, to stay within 10,000. */
const PART_BYTES = 8 * MiB;
/** Of the parts that are held in memory until S3 has them. */
const BYTES_UNDER_WAY = 64 * MiB;
const PARTS_AT_FIRST = 4;
const PARTS_MOST = 16;

/** What all puts over one line share. */
export class Outbound {
  readonly limiter = new Limiter({ start: PARTS_AT_FIRST, most: PARTS_MOST });
  readonly #parts = new BufferPool(PART_BYTES);

  /** Memory for parts of that size. */
  poolOf(partBytes: number): BufferPool {
    return partBytes === PART_BYTES ? this.#parts : new BufferPool(partBytes);
  }
}

/** @see ArchiveStore.put */
export async function put(
  client: S3Client,
  location: ObjectLocation,
  body: AsyncIterable<Buffer>,
  options: PutOptions,
  outbound: Outbound,
): Promise<StoredObject> {
  const { limiter } = outbound;
  const partBytes = streamPartBytes(options.sizeBoundBytes, { ...S3_PART_LIMITS, uploadPartBytes: PART_BYTES });
  const hands = Math.max(1, Math.floor(BYTES_UNDER_WAY / partBytes));
  return await withAbort(location, options, async (abort, { metadata, signal }) => {
    const write: WriteOptions = { signal, onPressure: () => limiter.reduce(), ...(metadata && { metadata }) };
    let whole: StoredObject | undefined;
    let begun: Promise<MultipartUpload> | undefined;
    let partCount = 0;
    const memory = outbound.poolOf(partBytes);
    try {
      await parallel(numberedParts(body, partBytes, memory), hands, abort, async (part) => {
        const { partNumber, bytes, crc32 } = part;
        const send = (sending: () => Promise<void>) => limiter.run(bytes.length, sending);
        if (part.isWhole) {
          await send(async () => {
            whole = await putWhole(client, location, bytes, write, crc32);
          });
        } else {
          begun ??= takeUp(client, location, write);
          const upload = await begun;
          if (!isSame(upload.part(partNumber), part)) await send(() => upload.upload(partNumber, bytes, crc32));
          partCount = Math.max(partCount, partNumber);
        }
        memory.give(part.memory);
        options.onProgress?.(bytes.length);
      });
      return whole ?? (await (await begun)!.complete(undefined, partCount));
    } catch (failure) {
      const error = isEnded(failure) ? await ended(client, location, failure) : failure;
      const upload = await begun?.catch(() => undefined);
      if (!canGoOn(error)) await upload?.abandon();
      throw error;
    }
  });
}

interface BodyPart {
  readonly partNumber: number;
  readonly bytes: Buffer;
  readonly crc32: number;
  /** The body is no longer than this part. */
  readonly isWhole: boolean;
  /** Where `bytes` lie: for another part, when this one was sent. */
  readonly memory: Buffer;
}

/** A part is given once the first byte of the next is there, so that the last is known as such. */
async function* numberedParts(
  body: AsyncIterable<Buffer>,
  partBytes: number,
  pool: BufferPool,
): AsyncGenerator<BodyPart> {
  let partNumber = 1;
  let memory = pool.take(partBytes);
  let filled = 0;
  let sum = 0;
  const part = (isWhole: boolean) => ({ partNumber, bytes: memory.subarray(0, filled), crc32: sum, isWhole, memory });
  for await (const chunk of body) {
    for (let at = 0; at < chunk.length; ) {
      if (filled === partBytes) {
        yield part(false);
        partNumber += 1;
        memory = pool.take(partBytes);
        filled = 0;
        sum = 0;
      }
      if (partNumber > S3_PART_LIMITS.maxParts) {
        throw new PodfreightError('internal', 'An archive became longer than was announced.');
      }
      const copied = chunk.copy(memory, filled, at, at + partBytes - filled);
      sum = crc32(memory.subarray(filled, filled + copied), sum);
      filled += copied;
      at += copied;
    }
  }
  if (filled > 0 || partNumber === 1) yield part(partNumber === 1);
}

function isSame(there: SentPart | undefined, { bytes, crc32 }: BodyPart): boolean {
  return there?.sizeBytes === bytes.length && there.crc32 === crc32;
}

/** The newest unfinished upload of that key, so that what was sent by a put that was cut off need not be sent again. */
async function takeUp(client: S3Client, location: ObjectLocation, write: WriteOptions): Promise<MultipartUpload> {
  try {
    for (const uploadId of (await unfinishedUploads(client, location, write.signal)).toReversed()) {
      const upload = await MultipartUpload.resume(client, location, uploadId, write);
      if (upload !== undefined) return upload;
    }
  } catch (error) {
    // Who may not look, or asks a service that does not tell, can still write.
    const failure = s3Error(error, location);
    if (failure.code !== 'access-denied' && httpStatus(failure.cause) !== 501) throw failure;
  }
  return await MultipartUpload.create(client, location, write);
}

/** What was sent stays right: it is the line or the service that failed, or the user who has had enough for now. */
function canGoOn(error: unknown): boolean {
  return isPodfreightError(error, 'unreachable', 'service', 'interrupted', 'busy', 'no-credentials', 'access-denied');
}

/** Another put of the same key, which had taken up the same upload, came to its end first. */
function isEnded(error: unknown): boolean {
  const names = ['NoSuchUpload', 'InvalidPart'];
  return isPodfreightError(error, 'service') && isNamed(error.cause, ...names);
}

async function ended(client: S3Client, location: ObjectLocation, cause: unknown): Promise<PodfreightError> {
  const { bucket, key } = location;
  try {
    await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
    return conflict(location, cause);
  } catch (error) {
    if (httpStatus(error) !== 404) return s3Error(error, location);
    const what = `Somebody else is storing ${s3Name(location)} at the same time, and neither has finished; try again.`;
    return new PodfreightError('busy', what, { cause, subject: { bucket, key } });
  }
}
