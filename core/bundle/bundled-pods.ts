import type { BundledPod, PodRecord, RecordedPod } from '../catalogue/records.ts';
import { podFileName } from '../sandbox-id.ts';
import type { BundleSource } from './bundle-sources.ts';

/** A bundle's item is read with every page of a listing of bundles; 32 KB hold some hundred pods. */
const RECORDED_BYTES_MAX = 32_000;
/** Lambda answers with at most 6 MB; 4 MB hold some 15,000 pods. */
const ANSWERED_BYTES_MAX = 4_000_000;

/** What is told about the pods of a bundle, in the order of `chosen`; sizes as far as they are known. */
export function bundledPods(chosen: readonly PodRecord[], sources: readonly BundleSource[]): BundledPod[] {
  const members = sources.flatMap((source) => source.members ?? []);
  const sizes = new Map(members.map(({ name, sizeBytes }) => [name, sizeBytes]));
  return chosen.map(({ sandboxId, name, namespace, checkpointedAt, origin, ...pod }) => {
    const sizeBytes = sizes.get(podFileName(sandboxId)) ?? pod.sizeBytes;
    return { sandboxId, name, namespace, checkpointedAt, ...(sizeBytes !== undefined && { sizeBytes }), origin };
  });
}

/** The first of them, as many as the catalogue takes. */
export function recordedPods<Pod extends RecordedPod>(pods: readonly Pod[]): readonly Pod[] {
  return firstThatFit(pods, RECORDED_BYTES_MAX);
}

/** The first of them, as many as an answer takes. */
export function answeredPods(pods: readonly BundledPod[]): readonly BundledPod[] {
  return firstThatFit(pods, ANSWERED_BYTES_MAX);
}

/** As many of the first items as take at most `bytesMax` as JSON. */
export function firstThatFit<Item>(items: readonly Item[], bytesMax: number): readonly Item[] {
  let bytes = 0;
  const tooMany = items.findIndex((item) => {
    bytes += Buffer.byteLength(JSON.stringify(item)) + 1;
    return bytes > bytesMax;
  });
  return tooMany < 0 ? items : items.slice(0, tooMany);
}
