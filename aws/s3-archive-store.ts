import type { S3Client } from '@aws-sdk/client-s3';
import { inOrder } from '../core/archive/in-order.ts';
import { S3_PART_LIMITS, streamPartBytes } from '../core/bundle/part-limits.ts';
import type { PartPlan, PlannedPart, Segment } from '../core/bundle/plan.ts';
import { PodfreightError } from '../core/errors.ts';
import type {
  ArchiveStore,
  ComposeOptions,
  ObjectLocation,
  ObjectSource,
  PutOptions,
  StoredObject,
} from '../core/ports.ts';
import { s3Name } from './errors.ts';
import { MultipartUpload, putWhole, type WriteOptions } from './multipart.ts';
import { parallel } from './parallel.ts';
import { s3Client } from './s3-client.ts';
import { openS3Source } from './s3-source.ts';

/** Each holds a part in memory. */
const UPLOADS_UNDER_WAY = 4;
/** They cost no memory, and S3 does hundreds at once. */
const COPIES_UNDER_WAY = 64;
/** Small ranges read at once for one part. */
const READS_UNDER_WAY = 8;

type CopyPart = Extract<PlannedPart, { kind: 'copy' }>;
type UploadPart = Extract<PlannedPart, { kind: 'upload' }>;
type Numbered<Part> = Part & { readonly partNumber: number };

/** Archives and bundles as objects of S3. */
export class S3ArchiveStore implements ArchiveStore {
  readonly #client: S3Client;
  readonly #stallMs: number | undefined;

  constructor(client: S3Client = s3Client(), { stallMs }: { stallMs?: number } = {}) {
    this.#client = client;
    this.#stallMs = stallMs;
  }

  async open(location: ObjectLocation): Promise<ObjectSource> {
    return await openS3Source(this.#client, location, this.#stallMs === undefined ? {} : { stallMs: this.#stallMs });
  }

  async put(location: ObjectLocation, body: AsyncIterable<Buffer>, options: PutOptions): Promise<StoredObject> {
    const parts = numberedParts(body, streamPartBytes(options.sizeBoundBytes));
    return await withAbort(location, options, async (abort, write) => {
      let whole: StoredObject | undefined;
      let created: Promise<MultipartUpload> | undefined;
      try {
        await parallel(parts, UPLOADS_UNDER_WAY, abort, async ({ partNumber, bytes, isWhole }) => {
          if (isWhole) {
            whole = await putWhole(this.#client, location, bytes, write);
          } else {
            created ??= MultipartUpload.create(this.#client, location, write);
            await (await created).upload(partNumber, bytes);
          }
          options.onProgress?.(bytes.length);
        });
        return whole ?? (await (await created)!.complete());
      } catch (error) {
        await created?.then(
          (upload) => upload.abandon(),
          () => {},
        );
        throw error;
      }
    });
  }

  async compose(
    location: ObjectLocation,
    plan: PartPlan,
    sources: readonly ObjectSource[],
    options: ComposeOptions = {},
  ): Promise<StoredObject> {
    const parts = plan.parts.map((part, i) => ({ ...part, partNumber: i + 1 }));
    const copies = parts.filter((part): part is Numbered<CopyPart> => part.kind === 'copy');
    const uploads = parts.filter((part): part is Numbered<UploadPart> => part.kind === 'upload');
    return await withAbort(location, options, async (abort, write) => {
      if (copies.length === 0 && uploads.length <= 1) {
        return await putWhole(this.#client, location, await readSegments(uploads[0]?.segments ?? [], sources), write);
      }
      const upload = await MultipartUpload.create(this.#client, location, write);
      try {
        await Promise.allSettled([
          parallel(copies, COPIES_UNDER_WAY, abort, ({ partNumber, source, range }) =>
            upload.copy(partNumber, sources[source]!, range),
          ),
          parallel(uploads, UPLOADS_UNDER_WAY, abort, async ({ partNumber, segments }) =>
            upload.upload(partNumber, await readSegments(segments, sources)),
          ),
        ]);
        abort.signal.throwIfAborted(); // with what failed; else the parts that are missing would look like wrong bytes
        return await upload.complete(plan.crc32);
      } catch (error) {
        await upload.abandon();
        throw error;
      }
    });
  }
}

/** Runs `work` with an abort of its own, which the caller's signal sets off. */
async function withAbort<Result>(
  location: ObjectLocation,
  { metadata, signal }: ComposeOptions,
  work: (abort: AbortController, write: WriteOptions) => Promise<Result>,
): Promise<Result> {
  const abort = new AbortController();
  const onAbort = () => abort.abort(new PodfreightError('interrupted', `Writing ${s3Name(location)} was interrupted.`));
  if (signal?.aborted) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    abort.signal.throwIfAborted();
    return await work(abort, { signal: abort.signal, ...(metadata === undefined ? {} : { metadata }) });
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

interface BodyPart {
  readonly partNumber: number;
  readonly bytes: Buffer;
  /** The body is no longer than this part. */
  readonly isWhole: boolean;
}

/** A part is given once the first byte of the next is there, so that the last is known as such. */
async function* numberedParts(body: AsyncIterable<Buffer>, partBytes: number): AsyncGenerator<BodyPart> {
  let partNumber = 1;
  let chunks: Buffer[] = [];
  let held = 0;
  for await (const chunk of body) {
    for (let rest = chunk; rest.length > 0; ) {
      if (held === partBytes) {
        yield { partNumber, bytes: Buffer.concat(chunks), isWhole: false };
        partNumber += 1;
        chunks = [];
        held = 0;
      }
      if (partNumber > S3_PART_LIMITS.maxParts) {
        throw new PodfreightError('internal', 'An archive became longer than was announced.');
      }
      const taken = rest.subarray(0, partBytes - held);
      chunks.push(taken);
      held += taken.length;
      rest = rest.subarray(taken.length);
    }
  }
  if (held > 0 || partNumber === 1) yield { partNumber, bytes: Buffer.concat(chunks), isWhole: partNumber === 1 };
}

async function readSegments(segments: readonly Segment[], sources: readonly ObjectSource[]): Promise<Buffer> {
  const read = async (segment: Segment) =>
    segment.kind === 'literal' ? segment.bytes : await sources[segment.source]!.read(segment.range);
  const pieces: Buffer[] = [];
  for await (const piece of inOrder(segments, READS_UNDER_WAY, read)) pieces.push(piece);
  return Buffer.concat(pieces);
}
