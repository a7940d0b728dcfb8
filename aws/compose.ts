import type { S3Client } from '@aws-sdk/client-s3';
import { inOrder } from '../core/archive/in-order.ts';
import type { PartPlan, PlannedPart, Segment } from '../core/bundle/plan.ts';
import { isOnePut } from '../core/bundle/plan-parts.ts';
import { isPodfreightError, PodfreightError } from '../core/errors.ts';
import type { ComposeOptions, ObjectLocation, ObjectSource, StoredObject } from '../core/ports.ts';
import { rangeLength } from '../core/range.ts';
import { isNamed, s3Name } from './errors.ts';
import { type MultipartUpload, putWhole, type WriteOptions } from './multipart.ts';
import { parallel } from './parallel.ts';
import { openS3Source } from './s3-source.ts';
import { beginOrResume } from './unfinished-uploads.ts';
import { withAbort } from './with-abort.ts';

/** Each holds a part in memory. */
const UPLOADS_UNDER_WAY = 4;
/** They cost no memory, and S3 does hundreds at once. */
const COPIES_UNDER_WAY = 64;
/** Small ranges read at once for one part. */
const READS_UNDER_WAY = 16;
/** How often an upload may be ended, or changed, by somebody who makes the same object. */
const ROUNDS = 3;

type CopyPart = Extract<PlannedPart, { kind: 'copy' }>;
type UploadPart = Extract<PlannedPart, { kind: 'upload' }>;
type Numbered<Part> = Part & { readonly partNumber: number };

interface Composition {
  readonly client: S3Client;
  readonly location: ObjectLocation;
  readonly plan: PartPlan;
  readonly sources: readonly ObjectSource[];
  readonly options: ComposeOptions;
}

/** @see ArchiveStore.compose */
export async function compose(
  client: S3Client,
  location: ObjectLocation,
  plan: PartPlan,
  sources: readonly ObjectSource[],
  options: ComposeOptions = {},
): Promise<StoredObject> {
  const composition = { client, location, plan, sources, options };
  if (isOnePut(plan.parts)) return await composeWhole(composition);
  for (let round = 1; ; round++) {
    try {
      return await withAbort(location, options, (abort, write) =>
        composeParts(composition, abort, write, round === ROUNDS),
      );
    } catch (error) {
      if (!(error instanceof Overtaken)) throw error;
      await checkFree(client, location);
    }
  }
}

async function composeWhole({ client, location, plan, sources, options }: Composition): Promise<StoredObject> {
  const [part] = plan.parts;
  const segments = part?.kind === 'upload' ? part.segments : [];
  const stored = await withAbort(location, options, async (_, write) =>
    putWhole(client, location, await readSegments(segments, sources), write),
  );
  options.onProgress?.(stored.sizeBytes);
  return stored;
}

/** The upload is not as we left it: somebody else is making the same object, or made it otherwise before. */
class Overtaken extends Error {}

async function composeParts(
  { client, location, plan, sources, options }: Composition,
  abort: AbortController,
  write: WriteOptions,
  isLastRound: boolean,
): Promise<StoredObject> {
  const upload = await beginOrResume(client, location, write);
  const parts = plan.parts.map((part, i) => ({ ...part, partNumber: i + 1 }));
  const isThere = (part: Numbered<PlannedPart>) => upload.part(part.partNumber)?.sizeBytes === partBytes(part);
  const found = parts.filter(isThere);
  let isPaused = false;
  try {
    options.onProgress?.(found.reduce((sum, part) => sum + partBytes(part), 0));
    const missing = parts.filter((part) => !isThere(part));
    await sendParts(upload, missing, sources, { abort, ...options });
    isPaused = options.pause?.aborted === true && !parts.every(isThere);
    if (isPaused) throw new PodfreightError('interrupted', `Composing ${s3Name(location)} was paused.`);
    return await upload.complete(plan.crc32, parts.length);
  } catch (error) {
    if (isPaused) throw error;
    const isWrong = found.length > 0 && isPodfreightError(error, 'corrupt-archive');
    const isOther = isNamed((error as Error).cause, 'NoSuchUpload', 'InvalidPart');
    if (!isOther || isLastRound) await upload.abandon();
    throw (isWrong || isOther) && !isLastRound ? new Overtaken('the upload was changed', { cause: error }) : error;
  }
}

async function sendParts(
  upload: MultipartUpload,
  parts: readonly Numbered<PlannedPart>[],
  sources: readonly ObjectSource[],
  { abort, pause, onProgress }: ComposeOptions & { abort: AbortController },
): Promise<void> {
  const copies = parts.filter((part): part is Numbered<CopyPart> => part.kind === 'copy');
  const uploads = parts.filter((part): part is Numbered<UploadPart> => part.kind === 'upload');
  await Promise.allSettled([
    parallel(until(pause, copies), COPIES_UNDER_WAY, abort, async (part) => {
      await upload.copy(part.partNumber, sources[part.source]!, part.range);
      onProgress?.(partBytes(part));
    }),
    parallel(until(pause, uploads), UPLOADS_UNDER_WAY, abort, async (part) => {
      await upload.upload(part.partNumber, await readSegments(part.segments, sources));
      onProgress?.(partBytes(part));
    }),
  ]);
  abort.signal.throwIfAborted(); // with what failed; else the parts that are missing would look like wrong bytes
}

function* until<Item>(pause: AbortSignal | undefined, items: readonly Item[]): Generator<Item> {
  for (const item of items) {
    if (pause?.aborted) return;
    yield item;
  }
}

function partBytes(part: PlannedPart): number {
  return part.kind === 'copy' ? rangeLength(part.range) : part.sizeBytes;
}

/** @throws PodfreightError `conflict` when the object is there */
async function checkFree(client: S3Client, location: ObjectLocation): Promise<void> {
  try {
    await (await openS3Source(client, location)).close();
  } catch (error) {
    if (isPodfreightError(error, 'not-found')) return;
    throw error;
  }
  const { bucket, key } = location;
  throw new PodfreightError('conflict', `${s3Name(location)} was made by somebody else meanwhile.`, {
    subject: { bucket, key },
  });
}

async function readSegments(segments: readonly Segment[], sources: readonly ObjectSource[]): Promise<Buffer> {
  const read = async (segment: Segment) =>
    segment.kind === 'literal' ? segment.bytes : await sources[segment.source]!.read(segment.range);
  const pieces: Buffer[] = [];
  for await (const piece of inOrder(segments, READS_UNDER_WAY, read)) pieces.push(piece);
  return Buffer.concat(pieces);
}
