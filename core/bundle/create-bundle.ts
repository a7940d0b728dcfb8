import { parseInstant, wholeSeconds } from '../catalogue/instant.ts';
import type { PodRecord } from '../catalogue/records.ts';
import { bundleKey, gatheredKey } from '../keys.ts';
import { gatheringId } from './bundle-id.ts';
import { type BundleSource, chooseFormat, openSources } from './bundle-sources.ts';
import { answeredPods, bundledPods, recordedPods } from './bundled-pods.ts';
import { choosePods } from './choose-pods.ts';
import { forecastBundle } from './forecast.ts';
import { type LaidOutBundle, layOut } from './lay-out.ts';
import { makeCopyable } from './make-copyable.ts';
import type { BundleAnswer, BundleRequest, BundleResult } from './request.ts';
import { storeObject } from './store-object.ts';
import { type BundleContext, beginWork, type Work } from './work.ts';
import { OutOfTime } from './work-time.ts';

/**
 * Makes one archive of the checkpoints that the selectors mean, which S3 copies from where they lie; archives that it
 * cannot copy from are rewritten first. The same pods give the same bundle, which is made once. It is catalogued when it is
 * stored, so that a bundle that is listed can be pulled. Work that takes longer than the call may is answered `unfinished`.
 * @throws PodfreightError `not-found`, `conflict`, `source-changed`, `unsupported` for too many pods, and as the archives
 */
export async function createBundle(request: BundleRequest, context: BundleContext): Promise<BundleAnswer> {
  const work = beginWork(context);
  const asOf = request.asOf === undefined ? undefined : parseInstant(request.asOf, 'asOf');
  const chosen = await choosePods(request.pods, context.catalogue, asOf);
  try {
    const sources = await openSources(chosen, work);
    return await (request.dryRun ? forecastBundle(chosen, sources, work) : make(chosen, sources, work));
  } catch (error) {
    if (!(error instanceof OutOfTime)) throw error;
    return {
      state: 'unfinished',
      asOf: request.asOf ?? lastArrival(chosen),
      progress: error.progress,
      ...work.effort(),
    };
  } finally {
    await Promise.all(work.opened.map((object) => object.close()));
  }
}

async function make(chosen: readonly PodRecord[], sources: readonly BundleSource[], work: Work): Promise<BundleResult> {
  const format = chooseFormat(sources);
  const ready = await makeCopyable(sources, format, work);
  const { bundleId, gatherings, plan } = await layOut(ready, format);
  const objects = ready.map(({ object }) => object);
  const progress = copyProgress({ gatherings, plan });
  for (const { parts, members } of gatherings) {
    const id = gatheringId(members.map(({ wire }) => wire));
    const location = { bucket: work.bucket, key: gatheredKey(id) };
    const { object } = await storeObject(location, { plan: parts, sources: objects, progress }, work);
    objects.push(object);
  }
  const { bucket, region } = work;
  const location = { bucket, key: bundleKey(bundleId, format), ...(region !== undefined && { region }) };
  const { object, created } = await storeObject(location, { plan: plan.parts, sources: objects, progress }, work);

  const pods = bundledPods(chosen, ready);
  const { etag, sizeBytes } = object;
  const described = { bundleId, location, etag, sizeBytes, format, podCount: pods.length };
  await work.catalogue.recordBundle({
    ...described,
    createdAt: wholeSeconds(object.modifiedAt),
    pods: recordedPods(pods),
  });
  const parts = created ? plan.parts.parts.length : 0;
  return { state: 'ready', ...described, pods: answeredPods(pods), created, parts, ...work.effort() };
}

/** When the last of the chosen came to S3. What came later was not chosen, and must not be when the same is asked again. */
function lastArrival(chosen: readonly PodRecord[]): string {
  return chosen.reduce((last, { storedAt }) => (storedAt > last ? storedAt : last), '');
}

function copyProgress({ gatherings, plan }: Pick<LaidOutBundle, 'gatherings' | 'plan'>) {
  const totalBytes = gatherings.reduce((sum, { parts }) => sum + parts.sizeBytes, plan.parts.sizeBytes);
  return { doneBytes: 0, totalBytes };
}
