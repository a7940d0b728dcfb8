import { GetObjectCommand, HeadObjectCommand, type HeadObjectCommandOutput, type S3Client } from '@aws-sdk/client-s3';
import { PodfreightError } from '../core/errors.ts';
import type { ObjectLocation, ObjectSource, ReadPace } from '../core/ports.ts';
import { type ByteRange, cutRange, rangeLength } from '../core/range.ts';
import { httpStatus, isNamed, isThrottled, s3Error, s3Name } from './errors.ts';
import { fetchRange, OVER } from './fetch-range.ts';
import { RequestTemplate } from './request-template.ts';
import { retrying } from './retry.ts';
import { Limiter } from './transfer/limiter.ts';

const MiB = 1024 * 1024;
/** Received or on its way, and not given on yet: as few as do, since most of a reader's memory is that. */
const BYTES_AHEAD_MIN = 16 * MiB;
const BYTES_AHEAD_MAX = 32 * MiB;
/** One connection brings about 80 MiB/s, after some 50 ms of waiting: the more there are, the smaller their requests. */
const REQUEST_BYTES_MIN = 2 * MiB;
const REQUEST_BYTES_MAX = 4 * MiB;

/** Makes no request a second time because it is slow. */
class PatientLimiter extends Limiter {
  override get mayDouble(): boolean {
    return false;
  }
}

/** What all reads over one line share. */
export class Inbound {
  /**
   * A read of at most so many bytes is one request, and none is made a second time because it is slow: for those who pay
   * for requests and not for time.
   */
  readonly wholeBytes: number;
  readonly limiter: Limiter;
  /** Of which it is known that they exist. */
  readonly buckets = new Set<string>();

  constructor({ wholeBytes = 0 } = {}) {
    this.wholeBytes = wholeBytes;
    const bounds = { start: BYTES_AHEAD_MIN / REQUEST_BYTES_MAX, most: BYTES_AHEAD_MAX / REQUEST_BYTES_MIN };
    this.limiter = wholeBytes > 0 ? new PatientLimiter(bounds) : new Limiter(bounds);
  }
}

/** What tells of an object, and with it perhaps its last bytes. */
interface Found
  extends Pick<HeadObjectCommandOutput, 'VersionId' | 'ContentLength' | 'ETag' | 'LastModified' | 'Metadata'> {
  readonly tail?: Buffer;
}

/**
 * Opens the newest or the named version, to be read by ranged GETs that name its ETag and version.
 * @param tailBytes as in `OpenOptions`
 * @throws PodfreightError as `ArchiveStore.open`
 */
export async function openS3Source(
  client: S3Client,
  location: ObjectLocation,
  inbound: Inbound = new Inbound(),
  tailBytes = 0,
): Promise<ObjectSource> {
  const tailed = tailBytes > 0 ? await getTail(client, location, tailBytes) : undefined;
  const found: Found = tailed ?? (await headObject(client, location, inbound));
  return new S3Source(client, location, found, inbound);
}

/**
 * A GET of the end tells all that a HEAD does.
 * @returns undefined for an object without bytes, and from an endpoint that does not know ranges counted from the end
 */
async function getTail(client: S3Client, location: ObjectLocation, tailBytes: number): Promise<Found | undefined> {
  const { bucket, key, versionId } = location;
  const input = { Bucket: bucket, Key: key, VersionId: versionId, Range: `bytes=-${tailBytes}` };
  try {
    const answer = await retrying(() => client.send(new GetObjectCommand(input)), isThrottled);
    const [, start, last, sizeBytes] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(answer.ContentRange ?? '')?.map(Number) ?? [];
    const tail = Buffer.from((await answer.Body?.transformToByteArray()) ?? []);
    const isEnd = sizeBytes! - tail.length === start && sizeBytes === last! + 1;
    if (!isEnd || tail.length !== Math.min(tailBytes, sizeBytes!)) return undefined;
    const { VersionId, ETag, LastModified, Metadata } = answer;
    return { VersionId, ETag, LastModified, Metadata, ContentLength: sizeBytes, tail };
  } catch (error) {
    if (isNamed(error, 'InvalidRange')) return undefined;
    throw s3Error(error, location);
  }
}

async function headObject(
  client: S3Client,
  location: ObjectLocation,
  { buckets }: Inbound,
): Promise<HeadObjectCommandOutput> {
  const input = { Bucket: location.bucket, Key: location.key, VersionId: location.versionId };
  try {
    const head = await client.send(new HeadObjectCommand(input));
    buckets.add(location.bucket);
    return head;
  } catch (error) {
    const status = httpStatus(error) ?? 0;
    const saysAll = status === 404 && location.versionId === undefined && buckets.has(location.bucket);
    if (saysAll || status < 400 || status >= 500) throw s3Error(error, location);
    // The answer to a HEAD has no body to say why: a GET's has.
    const get = new GetObjectCommand({ ...input, Range: 'bytes=0-0' });
    const reason = await client.send(get).then(
      () => error,
      (why: unknown) => why,
    );
    if (isNamed(reason, 'NoSuchKey')) buckets.add(location.bucket);
    throw s3Error(reason, location);
  }
}

class S3Source implements ObjectSource {
  readonly location: ObjectLocation;
  readonly sizeBytes: number;
  readonly etag: string;
  readonly modifiedAt: Date;
  readonly metadata: Readonly<Record<string, string>>;
  readonly pace: ReadPace;
  readonly client: S3Client;
  readonly limiter: Limiter;
  readonly template: RequestTemplate;
  readonly #wholeBytes: number;
  /** Its last bytes, until somebody reads some of them: who opens thousands must not hold them all. */
  #tail: Buffer | undefined;

  constructor(client: S3Client, asked: ObjectLocation, found: Found, { limiter, wholeBytes }: Inbound) {
    const { versionId: _, ...place } = asked;
    this.location = { ...place, ...(found.VersionId === undefined ? {} : { versionId: found.VersionId }) };
    this.sizeBytes = found.ContentLength!;
    this.etag = found.ETag!;
    this.modifiedAt = found.LastModified!;
    this.metadata = found.Metadata ?? {};
    this.#tail = found.tail;
    this.client = client;
    this.limiter = limiter;
    this.template = new RequestTemplate(client);
    this.#wholeBytes = wholeBytes;
    this.pace = {
      readBytes: REQUEST_BYTES_MAX,
      get windowBytes() {
        return Math.min(Math.max(limiter.limit * REQUEST_BYTES_MAX, BYTES_AHEAD_MIN), BYTES_AHEAD_MAX);
      },
    };
  }

  get name(): string {
    return s3Name(this.location);
  }

  /** Long ranges by several requests at once, which fill their places side by side. */
  async read(range: ByteRange, into?: Buffer): Promise<Buffer> {
    this.#check(range);
    const tailStart = this.sizeBytes - (this.#tail?.length ?? 0);
    if (this.#tail !== undefined && range.start >= tailStart) {
      const tail = this.#tail;
      this.#tail = undefined;
      return tail.subarray(range.start - tailStart, range.end - tailStart);
    }
    const bytes = into?.subarray(0, rangeLength(range)) ?? Buffer.allocUnsafe(rangeLength(range));
    const abort = new AbortController();
    const isWhole = bytes.length <= this.#wholeBytes;
    const pieces = [...cutRange(range, isWhole ? this.#wholeBytes : this.#requestBytes)].map((piece) =>
      this.#fetch(piece, bytes.subarray(piece.start - range.start, piece.end - range.start), abort.signal),
    );
    try {
      await Promise.all(pieces);
    } finally {
      abort.abort(OVER);
    }
    return bytes;
  }

  async *stream(range: ByteRange): AsyncGenerator<Buffer> {
    this.#check(range);
    const abort = new AbortController();
    const queue: { readonly bytes: Buffer; readonly filled: Promise<void> }[] = [];
    let start = range.start;
    let ahead = 0;
    try {
      while (start < range.end || queue.length > 0) {
        for (let length = this.#requestBytes; start < range.end && ahead + length <= this.pace.windowBytes; ) {
          const end = Math.min(start + length, range.end);
          const bytes = Buffer.allocUnsafeSlow(end - start);
          const filled = this.#fetch({ start, end }, bytes, abort.signal);
          filled.catch(() => {}); // awaited in its turn
          queue.push({ bytes, filled });
          ahead += bytes.length;
          start = end;
        }
        const { bytes, filled } = queue.shift()!;
        await filled;
        yield bytes;
        ahead -= bytes.length;
      }
    } finally {
      abort.abort(OVER);
      await Promise.allSettled(queue.map(({ filled }) => filled));
    }
  }

  async close(): Promise<void> {}

  /** As many as the limiter lets through fit into what may be ahead. */
  get #requestBytes(): number {
    const share = Math.floor(BYTES_AHEAD_MAX / this.limiter.limit / MiB) * MiB;
    return Math.min(Math.max(share, REQUEST_BYTES_MIN), REQUEST_BYTES_MAX);
  }

  #check({ start, end }: ByteRange): void {
    if (start < 0 || end < start || end > this.sizeBytes) {
      throw new RangeError(`[${start}, ${end}) is outside of the ${this.sizeBytes} bytes of ${this.name}`);
    }
  }

  async #fetch(range: ByteRange, bytes: Buffer, signal: AbortSignal): Promise<void> {
    try {
      await fetchRange(this, range, bytes, signal);
    } catch (error) {
      throw isGone(error) ? this.#changed(error) : s3Error(error, this.location);
    }
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
