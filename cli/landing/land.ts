import { createHash } from 'node:crypto';
import type { Member } from '../../core/archive/member.ts';
import type { KeptContent } from '../../core/archive/member-reader.ts';
import type { Archive } from '../../core/archive/reader.ts';
import type { Manifest } from '../../core/manifest/manifest.ts';
import { podFileName, sandboxIdOfFileName } from '../../core/sandbox-id.ts';
import { makeDirectories } from '../durable.ts';
import { KubeletDirectory } from '../kubelet-directory.ts';
import { canGoOn, type Partial } from '../partial.ts';
import { matchPods } from '../pod-flag.ts';
import { commit, confirm } from './commit.ts';
import { type Arrival, compareFiles, Digests } from './compare.ts';
import { makeSpace, openPartial, removePartial } from './partials.ts';
import { type LandingPlan, type OnConflict, type Outcome, planLanding } from './plan.ts';
import { PrivateFolder } from './private-folder.ts';
import { isTidy, rollBackDead } from './rollback.ts';
import { inPlaceBut, Staging } from './staging.ts';

export interface LandRequest {
  /** Where the checkpoints come from, on disk or in S3. */
  readonly archive: Archive;
  /** The kubelet directory; created when it is missing. */
  readonly target: string;
  /** As {@link matchPods} reads them; none means all. */
  readonly selectors?: readonly string[];
  readonly onConflict: OnConflict;
  /** Reads and checks everything, writes nothing. */
  readonly dryRun?: boolean;
  readonly signal: AbortSignal;
  /** Told once before the pods' bytes are read, with their sum when it is known. */
  readonly onStart?: (totalBytes: number | undefined) => void;
  /** So many more bytes of the chosen pods were read. */
  readonly onBytes?: (bytes: number) => void;
}

export interface LandedPod {
  readonly sandboxId: string;
  readonly namespace: string;
  readonly name: string;
  readonly outcome: Outcome;
  readonly sizeBytes?: number;
  /** SHA-256 of the pod's file in the archive. */
  readonly sha256?: string;
}

export interface Landing {
  /** In the archive's order. */
  readonly pods: readonly LandedPod[];
  /** False when the archive carries nothing that its bytes could be checked against. */
  readonly verified: boolean;
}

/**
 * Puts pods of an archive into a kubelet directory: all of them or none, and when it returns, so that they survive a power
 * cut. Others may insert at the same time; readers see each pod as it was or as it is now. docs/design.md, "Landing".
 * @throws PodfreightError `not-found` (a selector), `conflict`, `no-space`, `busy`, `access-denied`, `io`,
 *   `invalid-manifest` (also the target's), what reading the archive throws, and the signal's reason; then the target is
 *   as it was
 */
export async function land(request: LandRequest): Promise<Landing> {
  const { archive, selectors = [], dryRun = false } = request;
  const target = new KubeletDirectory(request.target);
  const arriving = matchPods((await archive.manifest()).manifest, selectors, archive.name);
  const digests = new Digests();
  const decide = async (arrivals: ReadonlyMap<string, Arrival>) => {
    const present = await target.readManifestIfAny();
    const files = await compareFiles(target, arriving, arrivals, digests);
    const plan = planLanding({ present, arriving, files, onConflict: request.onConflict, target: target.path });
    return { present, plan };
  };

  if (!dryRun) await clearUp(target, request.signal);
  const foreseen = await foresee(archive, arriving);
  const { plan: likely } = await decide(foreseen.arrivals); // what must fail, fails before anything is read or written
  if (!likely.changes && foreseen.certain) {
    if (!dryRun) await confirm(target, likely);
    return report(likely, foreseen.arrivals, archive);
  }

  request.onStart?.(foreseen.totalBytes);
  if (dryRun) {
    const arrivals = await readPods(request, arriving, ({ sha256 }, data) => digest(data, sha256));
    return report((await decide(arrivals)).plan, arrivals, archive);
  }

  await makeDirectories(target.path);
  const folder = await PrivateFolder.open(target.path);
  const names = (arriving.pods ?? []).map(({ sandboxId }) => podFileName(sandboxId));
  await using partial = await openPartial(folder, { archive, names, signal: request.signal });
  try {
    return await carryOut({ request, target, folder, arriving, foreseen, decide }, partial);
  } catch (error) {
    if (partial !== undefined && !canGoOn(error)) await removePartial(folder, partial).catch(() => {}); // what failed first counts
    throw error;
  }
}

interface Job {
  readonly request: LandRequest;
  readonly target: KubeletDirectory;
  readonly folder: PrivateFolder;
  readonly arriving: Manifest;
  readonly foreseen: Awaited<ReturnType<typeof foresee>>;
  decide(arrivals: ReadonlyMap<string, Arrival>): Promise<{ present: Manifest | undefined; plan: LandingPlan }>;
}

/** @param partial where to find and leave what can be gone on with */
async function carryOut(
  { request, target, folder, arriving, foreseen, decide }: Job,
  partial: Partial | undefined,
): Promise<Landing> {
  const { archive, signal } = request;
  await using staging = await openStaging(folder, signal);
  await makeSpace(folder, (foreseen.totalBytes ?? 0) - ((await partial?.storedBytes()) ?? 0), signal);
  const take = async ({ member, sandboxId, sha256 }: ArrivingPod, data: AsyncIterable<Buffer>) => {
    if (partial !== undefined && sha256 !== undefined) {
      return staging.adopt(sandboxId, member, data, sha256, await partial.file(member.name));
    }
    await folder.checkSpace(member.sizeBytes);
    return staging.add(sandboxId, member, data, sha256);
  };
  const arrivals = await readPods(request, arriving, take, partial);
  await staging.settled();
  await decide(arrivals); // hashes what the target has while others are not kept waiting

  using _ = await folder.lock(request.signal);
  await rollBackDead(target, folder);
  const { plan, present } = await decide(arrivals);
  if (plan.changes) await commit(target, staging.paths, plan, present);
  else await confirm(target, plan);
  await staging.retire();
  await partial?.remove().catch((error) => {
    throw inPlaceBut('clearing up failed', error);
  });
  return report(plan, arrivals, archive);
}

/** What the archive tells without being read through. */
async function foresee(archive: Archive, arriving: Manifest) {
  const arrivals = new Map<string, Arrival>();
  for (const member of archive.index?.members ?? (await archive.layout()) ?? []) {
    const sandboxId = sandboxIdOfFileName(member.name);
    if (sandboxId !== undefined) arrivals.set(sandboxId, member);
  }
  const pods = (arriving.pods ?? []).map((pod) => arrivals.get(pod.sandboxId));
  const known = pods.every((pod) => pod?.sizeBytes !== undefined);
  return {
    arrivals,
    certain: pods.every((pod) => pod?.sha256 !== undefined),
    totalBytes: known ? pods.reduce((sum, pod) => sum + (pod?.sizeBytes ?? 0), 0) : undefined,
  };
}

interface ArrivingPod {
  readonly sandboxId: string;
  readonly member: Member;
  /** As {@link ArchivedMember}. */
  readonly sha256?: string | undefined;
}

/** Hands the chosen pods to `take`. Without an index the whole archive is read, and so all of it checked. */
async function readPods(
  { archive, signal, onBytes }: LandRequest,
  arriving: Manifest,
  take: (pod: ArrivingPod, data: AsyncIterable<Buffer>) => Promise<Arrival>,
  kept?: KeptContent,
): Promise<Map<string, Arrival>> {
  const chosen = new Set((arriving.pods ?? []).map((pod) => podFileName(pod.sandboxId)));
  const arrivals = new Map<string, Arrival>();
  for await (const { member, data, sha256 } of archive.members(archive.index && chosen, { fleeting: true, kept })) {
    const sandboxId = sandboxIdOfFileName(member.name);
    if (sandboxId !== undefined && chosen.has(member.name)) {
      arrivals.set(sandboxId, await take({ sandboxId, member, sha256 }, watched(data, signal, onBytes)));
    } else {
      for await (const _ of watched(data, signal));
    }
  }
  return arrivals;
}

async function* watched(data: AsyncIterable<Buffer>, signal: AbortSignal, onBytes?: (bytes: number) => void) {
  for await (const chunk of data) {
    signal.throwIfAborted();
    yield chunk;
    onBytes?.(chunk.length);
  }
  signal.throwIfAborted();
}

/** @param sha256 when whoever gives the data checks that */
async function digest(data: AsyncIterable<Buffer>, sha256?: string): Promise<Arrival> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of data) {
    if (sha256 === undefined) hash.update(chunk);
    sizeBytes += chunk.length;
  }
  return { sizeBytes, sha256: sha256 ?? hash.digest('hex') };
}

/**
 * Undoes what dead inserts have left, before anything is decided on what they left, or called unchanged that the next insert
 * would undo.
 */
async function clearUp(target: KubeletDirectory, signal: AbortSignal): Promise<void> {
  const folder = await PrivateFolder.openIfAny(target.path);
  if (folder === undefined || (await isTidy(folder))) return;
  using _ = await folder.lock(signal);
  await rollBackDead(target, folder);
}

async function openStaging(folder: PrivateFolder, signal: AbortSignal): Promise<Staging> {
  using _ = await folder.lock(signal);
  return await Staging.create(folder.path); // while the lock is held
}

function report(plan: LandingPlan, arrivals: ReadonlyMap<string, Arrival>, archive: Archive): Landing {
  const pods = plan.outcomes.map(({ pod: { sandboxId, namespace, name }, outcome }) => {
    const { sizeBytes, sha256 } = arrivals.get(sandboxId) ?? {};
    return {
      sandboxId,
      namespace,
      name,
      outcome,
      ...(sizeBytes !== undefined && { sizeBytes }),
      ...(sha256 && { sha256 }),
    };
  });
  return { pods, verified: archive.verified };
}
