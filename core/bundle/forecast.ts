import type { PodRecord } from '../catalogue/records.ts';
import { bundleKey } from '../keys.ts';
import { openIfThere, PROBABLY_FREE } from '../open-if-there.ts';
import { type BundleSource, chooseFormat } from './bundle-sources.ts';
import { answeredPods, bundledPods } from './bundled-pods.ts';
import { layOut } from './lay-out.ts';
import { findCopyable, noteRewritten } from './make-copyable.ts';
import { S3_PART_LIMITS } from './part-limits.ts';
import { bytesOf, composeRequests } from './plan-parts.ts';
import type { BundleForecast } from './request.ts';
import { bytesToRewrite } from './rewrite.ts';
import type { Work } from './work.ts';

/** To look whether an object is there, and to open it when it was made. */
const LOOKING_REQUESTS = 1;
const OPENING_REQUESTS = 1;

/**
 * What making a bundle of these sources would take, without making anything; the requests are those it took to tell, which
 * making takes as well, and those that would follow. Of archives that have to be rewritten first it guesses that they stay
 * as long as they are.
 * @throws PodfreightError as making it
 */
export async function forecastBundle(
  chosen: readonly PodRecord[],
  sources: readonly BundleSource[],
  work: Work,
): Promise<BundleForecast> {
  const format = chooseFormat(sources);
  const found = await findCopyable(sources, format, work);
  const copyable = found.filter((source) => source !== undefined);
  const missing = sources.filter((_, i) => found[i] === undefined);
  const exact = missing.length === 0;
  const laidOut = copyable.length === 0 ? undefined : await layOut(copyable, format);
  const bundleId = exact ? laidOut?.bundleId : undefined;
  const there = bundleId !== undefined && (await isThere(bundleKey(bundleId, format), work));

  const pods = bundledPods(chosen, sources);
  const guess = guessOf(missing);
  const bundle = laidOut?.plan.parts ?? { parts: [], sizeBytes: 0 };
  const partCount = (kind: 'copy' | 'upload') => bundle.parts.filter((part) => part.kind === kind).length;
  const forecast = {
    state: 'planned',
    exact,
    ...(bundleId !== undefined && { bundleId }),
    there,
    format,
    sizeBytes: bundle.sizeBytes + guess.sizeBytes,
    podCount: pods.length,
    pods: answeredPods(pods),
    sources: sources.length,
    parts: { copied: partCount('copy') + guess.copiedParts, uploaded: partCount('upload') },
  } as const;

  let requests = 0;
  if (!there) {
    for (const source of missing) {
      const bytes = bytesToRewrite(source);
      noteRewritten(source, format, work, { bytesRead: bytes, bytesWritten: bytes });
    }
    const gathered = laidOut?.gatherings ?? [];
    for (const plan of [...gathered.map(({ parts }) => parts), bundle]) {
      work.bytesCopied += bytesOf(plan, 'copy');
      work.bytesThrough += bytesOf(plan, 'upload');
      requests += composeRequests(plan) + OPENING_REQUESTS;
    }
    requests += LOOKING_REQUESTS * (gathered.length + (exact ? 0 : 1)) + guess.requests;
    work.bytesCopied += guess.sizeBytes;
  }
  const { requests: sent, ...effort } = work.effort();
  return { ...forecast, ...effort, requests: { s3: sent.s3 + requests, dynamodb: sent.dynamodb + RECORDING_WRITES } };
}

/** The bundle's item. */
const RECORDING_WRITES = 1;

async function isThere(key: string, { store, bucket, opened }: Work): Promise<boolean> {
  const object = await openIfThere(store, { bucket, key }, PROBABLY_FREE);
  if (object !== undefined) opened.push(object);
  return object !== undefined;
}

/** Archives rewritten, and copied from there. */
function guessOf(missing: readonly BundleSource[]) {
  const { copyPartBytes, uploadPartBytes } = S3_PART_LIMITS;
  const sizes = missing.map(bytesToRewrite);
  const sum = (of: (size: number) => number) => sizes.reduce((sum, size) => sum + of(size), 0);
  return {
    sizeBytes: sum((size) => size),
    copiedParts: sum((size) => Math.max(1, Math.round(size / copyPartBytes))),
    // Read, uploaded, opened with its index, its manifest read, and copied.
    requests: sum((size) => 3 * Math.ceil(size / uploadPartBytes) + 4 + Math.max(1, Math.round(size / copyPartBytes))),
  };
}
