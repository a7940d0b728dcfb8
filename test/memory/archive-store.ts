import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { PartPlan, Segment } from '../../core/bundle/plan.ts';
import { PodfreightError } from '../../core/errors.ts';
import type {
  ArchiveKeys,
  ArchiveStore,
  ComposeOptions,
  ObjectLocation,
  ObjectSource,
  PutOptions,
  StoredObject,
} from '../../core/ports.ts';
import { type ByteRange, cutRange } from '../../core/range.ts';

interface Kept {
  readonly bytes: Buffer;
  readonly etag: string;
  readonly modifiedAt: Date;
  readonly metadata: Readonly<Record<string, string>>;
}

const CHUNK_BYTES = 64 * 1024;

/** Objects in a map; without versions, as in a bucket that keeps none. */
export class MemoryArchiveStore implements ArchiveStore, ArchiveKeys {
  readonly #buckets: ReadonlyMap<string, Map<string, Kept>>;

  constructor(buckets: readonly string[]) {
    this.#buckets = new Map(buckets.map((bucket) => [bucket, new Map()]));
  }

  async open({ bucket, key, region, versionId }: ObjectLocation): Promise<ObjectSource> {
    const kept = this.#bucket(bucket).get(key);
    if (kept === undefined || versionId !== undefined) {
      throw new PodfreightError('not-found', `s3://${bucket}/${key} does not exist.`, { subject: { bucket, key } });
    }
    return new MemorySource(
      { bucket, key, ...(region && { region }) },
      kept,
      () => this.#bucket(bucket).get(key) === kept,
    );
  }

  async *keysBelow(bucket: string, prefix: string): AsyncGenerator<string> {
    const keys = [...this.#bucket(bucket).keys()].filter((key) => key.startsWith(prefix));
    yield* keys.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  }

  async put(location: ObjectLocation, body: AsyncIterable<Buffer>, options: PutOptions): Promise<StoredObject> {
    const chunks: Buffer[] = [];
    for await (const chunk of body) {
      throwIfAborted(options.signal);
      chunks.push(Buffer.from(chunk));
      options.onProgress?.(chunk.length);
    }
    return this.#keep(location, Buffer.concat(chunks), options);
  }

  async compose(
    location: ObjectLocation,
    plan: PartPlan,
    sources: readonly ObjectSource[],
    options: ComposeOptions = {},
  ): Promise<StoredObject> {
    const read = async (segment: Segment) =>
      segment.kind === 'literal' ? segment.bytes : await sources[segment.source]!.read(segment.range);
    const pieces: Buffer[] = [];
    if (options.pause?.aborted) throw new PodfreightError('interrupted', 'Composing was paused.');
    for (const part of plan.parts) {
      const segments = part.kind === 'upload' ? part.segments : [{ ...part, kind: 'range' } as const];
      for (const segment of segments) pieces.push(await read(segment));
      throwIfAborted(options.signal);
    }
    const bytes = Buffer.concat(pieces);
    if (plan.crc32 !== undefined && plan.crc32 !== crc32(bytes)) {
      throw new PodfreightError('corrupt-archive', 'The parts are not the bytes that were promised.');
    }
    const stored = this.#keep(location, bytes, options);
    options.onProgress?.(bytes.length);
    return stored;
  }

  /** What somebody else would do behind our back. */
  overwrite({ bucket, key }: ObjectLocation, bytes: Buffer, metadata: Readonly<Record<string, string>> = {}): Kept {
    const etag = `"${createHash('md5').update(bytes).digest('hex')}"`;
    const kept = { bytes, etag, modifiedAt: new Date(), metadata };
    this.#bucket(bucket).set(key, kept);
    return kept;
  }

  remove({ bucket, key }: ObjectLocation): void {
    this.#bucket(bucket).delete(key);
  }

  #keep(location: ObjectLocation, bytes: Buffer, { metadata, signal }: ComposeOptions): StoredObject {
    throwIfAborted(signal);
    const { bucket, key } = location;
    if (this.#bucket(bucket).has(key)) {
      throw new PodfreightError('conflict', `s3://${bucket}/${key} exists already.`, { subject: { bucket, key } });
    }
    const { etag } = this.overwrite(location, bytes, metadata);
    return { location: { bucket, key }, etag, sizeBytes: bytes.length };
  }

  #bucket(bucket: string): Map<string, Kept> {
    const objects = this.#buckets.get(bucket);
    if (objects !== undefined) return objects;
    throw new PodfreightError('not-found', `The bucket ${bucket} does not exist.`, { subject: { bucket } });
  }
}

class MemorySource implements ObjectSource {
  readonly location: ObjectLocation;
  readonly #kept: Kept;
  readonly #isThere: () => boolean;

  constructor(location: ObjectLocation, kept: Kept, isThere: () => boolean) {
    this.location = location;
    this.#kept = kept;
    this.#isThere = isThere;
  }

  get name(): string {
    return `s3://${this.location.bucket}/${this.location.key}`;
  }

  get sizeBytes(): number {
    return this.#kept.bytes.length;
  }

  get etag(): string {
    return this.#kept.etag;
  }

  get modifiedAt(): Date {
    return this.#kept.modifiedAt;
  }

  get metadata(): Readonly<Record<string, string>> {
    return this.#kept.metadata;
  }

  async read({ start, end }: ByteRange): Promise<Buffer> {
    if (start < 0 || end < start || end > this.sizeBytes) throw new RangeError(`[${start}, ${end}) is outside`);
    if (!this.#isThere()) throw new PodfreightError('source-changed', `${this.name} was replaced while it was read.`);
    return Buffer.from(this.#kept.bytes.subarray(start, end));
  }

  async *stream(range: ByteRange): AsyncGenerator<Buffer> {
    for (const piece of cutRange(range, CHUNK_BYTES)) yield await this.read(piece);
  }

  async close(): Promise<void> {}
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new PodfreightError('interrupted', 'Writing was interrupted.');
}
