import type { Readable } from 'node:stream';
import { GetObjectCommand, HeadObjectCommand, type HeadObjectCommandOutput, type S3Client } from '@aws-sdk/client-s3';
import { inOrder } from '../core/archive/in-order.ts';
import { PodfreightError } from '../core/errors.ts';
import type { ObjectLocation, ObjectSource } from '../core/ports.ts';
import { type ByteRange, cutRange, httpRange, rangeLength } from '../core/range.ts';
import { httpStatus, isNamed, isThrottled, s3Error, s3Name } from './errors.ts';
import { retrying } from './retry.ts';

/** One GET of a long read. One connection brings about 80 MiB/s, so several are under way; together they bound memory. */
const RANGE_BYTES = 8 * 1024 * 1024;
const RANGES_UNDER_WAY = 6;
/** An answer that brings nothing for so long is asked for again. */
const STALL_MS = 10_000;

/** An answer that ended or stalled before its last byte. */
class BrokenBody extends Error {
  override readonly name = 'TimeoutError';
}

/**
 * Opens the newest or the named version, to be read by ranged GETs that name its ETag and version.
 * @throws PodfreightError as `ArchiveStore.open`
 */
export async function openS3Source(
  client: S3Client,
  location: ObjectLocation,
  { stallMs = STALL_MS } = {},
): Promise<ObjectSource> {
  const head = await headObject(client, location);
  return new S3Source(client, location, head, stallMs);
}

async function headObject(client: S3Client, location: ObjectLocation): Promise<HeadObjectCommandOutput> {
  const input = { Bucket: location.bucket, Key: location.key, VersionId: location.versionId };
  try {
    return await client.send(new HeadObjectCommand(input));
  } catch (error) {
    const status = httpStatus(error) ?? 0;
    if (status < 400 || status >= 500) throw s3Error(error, location);
    // The answer to a HEAD has no body to say why: a GET's has.
    const get = new GetObjectCommand({ ...input, Range: 'bytes=0-0' });
    const reason = await client.send(get).then(
      ({ Body }) => {
        (Body as Readable | undefined)?.destroy();
        return error;
      },
      (why: unknown) => why,
    );
    throw s3Error(reason, location);
  }
}

class S3Source implements ObjectSource {
  readonly location: ObjectLocation;
  readonly sizeBytes: number;
  readonly etag: string;
  readonly modifiedAt: Date;
  readonly metadata: Readonly<Record<string, string>>;
  readonly #client: S3Client;
  readonly #stallMs: number;

  constructor(client: S3Client, { bucket, key }: ObjectLocation, head: HeadObjectCommandOutput, stallMs: number) {
    this.location = { bucket, key, ...(head.VersionId === undefined ? {} : { versionId: head.VersionId }) };
    this.sizeBytes = head.ContentLength!;
    this.etag = head.ETag!;
    this.modifiedAt = head.LastModified!;
    this.metadata = head.Metadata ?? {};
    this.#client = client;
    this.#stallMs = stallMs;
  }

  get name(): string {
    return s3Name(this.location);
  }

  async read(range: ByteRange): Promise<Buffer> {
    this.#check(range);
    if (rangeLength(range) <= RANGE_BYTES) return this.#fetch(range);
    const chunks: Buffer[] = [];
    for await (const chunk of this.stream(range)) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  async *stream(range: ByteRange): AsyncGenerator<Buffer> {
    this.#check(range);
    const abort = new AbortController();
    const fetched = inOrder(cutRange(range, RANGE_BYTES), RANGES_UNDER_WAY, (piece) =>
      this.#fetch(piece, abort.signal),
    );
    for await (const chunk of fetched) {
      let goesOn = false;
      try {
        yield chunk;
        goesOn = true;
      } finally {
        if (!goesOn) abort.abort();
      }
    }
  }

  async close(): Promise<void> {}

  #check({ start, end }: ByteRange): void {
    if (start < 0 || end < start || end > this.sizeBytes) {
      throw new RangeError(`[${start}, ${end}) is outside of the ${this.sizeBytes} bytes of ${this.name}`);
    }
  }

  /** What was received before an answer broke off is kept; only the rest is asked for again. */
  async #fetch(range: ByteRange, signal?: AbortSignal): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(rangeLength(range));
    let received = 0;
    const isTransient = (error: unknown) => error instanceof BrokenBody || isThrottled(error);
    try {
      await retrying(
        async () => {
          if (received === bytes.length) return;
          const rest = { start: range.start + received, end: range.end };
          for await (const chunk of this.#get(rest, signal)) {
            if (received + chunk.length > bytes.length) throw this.#disobeyed(rest);
            chunk.copy(bytes, received);
            received += chunk.length;
          }
          if (received < bytes.length) throw new BrokenBody('the answer ended early');
        },
        isTransient,
        signal,
      );
    } catch (error) {
      throw isGone(error) ? this.#changed(error) : s3Error(error, this.location);
    }
    return bytes;
  }

  async *#get(range: ByteRange, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
    const { bucket, key, versionId } = this.location;
    const command = new GetObjectCommand({
      Bucket: bucket,
      Key: key,
      VersionId: versionId,
      IfMatch: this.etag,
      Range: httpRange(range),
    });
    const { Body, ContentLength } = await this.#client.send(
      command,
      signal === undefined ? {} : { abortSignal: signal },
    );
    const body = Body as Readable;
    if (ContentLength !== rangeLength(range)) {
      body.destroy();
      throw this.#disobeyed(range);
    }
    const stalled = setTimeout(() => body.destroy(new Error('the answer stalled')), this.#stallMs);
    try {
      for await (const chunk of body) {
        stalled.refresh();
        yield chunk;
      }
    } catch (cause) {
      throw signal?.aborted ? cause : new BrokenBody((cause as Error).message, { cause });
    } finally {
      clearTimeout(stalled);
    }
  }

  #disobeyed({ start, end }: ByteRange): PodfreightError {
    return new PodfreightError(
      'service',
      `${this.name} was asked for bytes ${start} to ${end} and answered with others.`,
    );
  }

  #changed(cause: unknown): PodfreightError {
    return new PodfreightError('source-changed', `${this.name} was replaced or deleted while it was read; try again.`, {
      cause,
      subject: { ...this.location },
    });
  }
}

/** The version that was opened is no longer there. */
export function isGone(error: unknown): boolean {
  return httpStatus(error) === 412 || isNamed(error, 'NoSuchKey', 'NoSuchVersion');
}
