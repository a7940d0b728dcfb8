import { createHash } from 'node:crypto';
import type { Archive } from '../../core/archive/reader.ts';
import type { Manifest } from '../../core/manifest/manifest.ts';
import { podFileName } from '../../core/sandbox-id.ts';
import { makeDirectories } from '../durable.ts';
import { KubeletDirectory } from '../kubelet-directory.ts';
import { canGoOn, type Partial } from '../partial.ts';
import { PartialFile } from '../partial-file.ts';
import { matchPods } from '../pod-flag.ts';
import { type ArrivingFile, arrivingFiles } from './arriving-files.ts';
import { commit, confirm } from './commit.ts';
import { type Arrival, compareFiles, Digests } from './compare.ts';
import { type Form, fileNames, formOf } from './form.ts';
import { KeptArchives } from './kept-archives.ts';
import { makeSpace, openPartial, removePartial } from './partials.ts';
import { Places } from './places.ts';
import { type LandingPlan, type OnConflict, type Outcome, planLanding } from './plan.ts';
import { archivesOf, planArchives } from './plan-archives.ts';
import { PrivateFolder } from './private-folder.ts';
import { reserve } from './reserve.ts';
import { isTidy, rollBackDead } from './rollback.ts';
import { inPlaceBut, type NewStaged, Staging } from './staging.ts';

export interface LandRequest {
  /** Where the checkpoints come from, on disk or in S3. */
  readonly archive: Archive;
  /** The kubelet directory; created when it is missing. */
  readonly target: string;
  /** As {@link matchPods} reads them; none means all. */
  readonly selectors?: readonly string[];
  readonly onConflict: OnConflict;
  /** Absent: as {@link formOf} says. */
  readonly as?: Form | undefined;
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
  /** Where they land by themselves. */
  readonly archives?: readonly LandedArchive[];
}

export interface LandedArchive {
  /** Its name in the target. */
  readonly file: string;
  readonly container: string;
  readonly sizeBytes: number;
  readonly sha256?: string;
}

export interface Landing {
  readonly form: Form;
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
  if (!dryRun) await clearUp(target, request.signal);
  const form = formOf(request.as, await target.readManifestIfAny(), arriving);
  const names = fileNames(form, arriving);
  const digests = new Digests();
  const decide = async (arrivals: ReadonlyMap<string, Arrival>) => {
    const present = await target.readManifestIfAny();
    const files = await compareFiles(target, names, arrivals, digests);
    const question = { present, arriving, files, onConflict: request.onConflict, target: target.path };
    return { present, plan: form === 'pods' ? planLanding(question) : planArchives(question) };
  };

  const foreseen = await foresee(archive, arriving, form);
  const { plan: likely } = await decide(foreseen.arrivals); // what must fail, fails before anything is read or written
  if (!likely.changes && foreseen.certain) {
    if (!dryRun) await confirm(target, likely);
    return report({ form, plan: likely }, foreseen.arrivals, archive);
  }

  request.onStart?.(foreseen.totalBytes);
  if (dryRun) {
    const arrivals = await readFiles(request, { form, arriving }, ({ sha256 }, data) => digest(data, sha256));
    return report({ form, plan: (await decide(arrivals)).plan }, arrivals, archive);
  }

  await makeDirectories(target.path);
  const folder = await PrivateFolder.open(target.path);
  await using partial = await openPartial(folder, { archive, names, signal: request.signal });
  try {
    return await carryOut({ request, target, folder, form, arriving, foreseen, decide }, partial);
  } catch (error) {
    if (partial !== undefined && !canGoOn(error)) await removePartial(folder, partial).catch(() => {}); // what failed first counts
    throw error;
  }
}

interface Job {
  readonly request: LandRequest;
  readonly target: KubeletDirectory;
  readonly folder: PrivateFolder;
  readonly form: Form;
  readonly arriving: Manifest;
  readonly foreseen: Awaited<ReturnType<typeof foresee>>;
  decide(arrivals: ReadonlyMap<string, Arrival>): Promise<{ present: Manifest | undefined; plan: LandingPlan }>;
}

/** @param partial where to find and leave what can be gone on with */
async function carryOut(
  { request, target, folder, form, arriving, foreseen, decide }: Job,
  partial: Partial | undefined,
): Promise<Landing> {
  const { archive, signal } = request;
  await using staging = await openStaging(folder, signal);
  await makeSpace(folder, (foreseen.totalBytes ?? 0) - ((await partial?.storedBytes()) ?? 0), signal);
  const wanted = new Set(fileNames(form, arriving));
  const expected = [...foreseen.arrivals].flatMap(([name, { sizeBytes, sha256 }]) =>
    wanted.has(name) && sizeBytes !== undefined ? [{ name, sizeBytes, sha256 }] : [],
  );
  await using places = new Places<PartialFile | NewStaged>(
    expected,
    async ({ name, sizeBytes, sha256 }) => {
      if (partial !== undefined && sha256 !== undefined) {
        const file = await partial.file(name);
        await reserve(file.path, sizeBytes);
        return file;
      }
      await folder.checkSpace(sizeBytes);
      return await staging.create(name, sizeBytes);
    },
    async (place) => {
      if (!(place instanceof PartialFile)) await place.handle.close();
    },
  );
  const take = async (file: ArrivingFile, data: AsyncIterable<Buffer>) => {
    const place = await places.take(file);
    return place instanceof PartialFile
      ? staging.adopt(place, file, data, file.sha256!)
      : staging.add(place, file, data, file.sha256);
  };
  const kept = partial && form === 'containers' ? await KeptArchives.of(partial, arriving) : partial;
  const arrivals = await readFiles(request, { form, arriving, kept }, take);
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
  return report({ form, plan }, arrivals, archive);
}

/** What the archive tells without being read through. */
async function foresee(archive: Archive, arriving: Manifest, form: Form) {
  const members = new Map<string, Arrival>();
  for (const member of archive.index?.members ?? (await archive.layout()) ?? []) members.set(member.name, member);
  const sizes = fileNames('pods', arriving).map((name) => members.get(name)?.sizeBytes);
  const arrivals = form === 'pods' ? members : recorded(arriving);
  return {
    arrivals,
    certain: archive.verified && fileNames(form, arriving).every((name) => arrivals.get(name)?.sha256 !== undefined),
    totalBytes: sizes.includes(undefined) ? undefined : sizes.reduce((sum: number, size = 0) => sum + size, 0),
  };
}

/** What the manifest says of container archives. */
function recorded({ pods }: Manifest): Map<string, Arrival> {
  const records = (pods ?? []).flatMap(archivesOf);
  return new Map(records.map(({ file, sizeBytes, sha256 }) => [file, { sizeBytes, ...(sha256 && { sha256 }) }]));
}

/** Hands the files that are to land to `take`. */
async function readFiles(
  { archive, signal, onBytes }: LandRequest,
  what: Pick<Parameters<typeof arrivingFiles>[1], 'form' | 'arriving' | 'kept'>,
  take: (file: ArrivingFile, data: AsyncIterable<Buffer>) => Promise<Arrival>,
): Promise<Map<string, Arrival>> {
  const arrivals = new Map<string, Arrival>();
  for await (const file of arrivingFiles(archive, { ...what, signal, onBytes })) {
    arrivals.set(file.name, await take(file, file.data));
  }
  return arrivals;
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

function report(
  { form, plan }: { form: Form; plan: LandingPlan },
  arrivals: ReadonlyMap<string, Arrival>,
  { verified }: Archive,
): Landing {
  const pods = plan.outcomes.map(({ pod, outcome }) => {
    const { sandboxId, namespace, name } = pod;
    if (form === 'containers') {
      const archives = archivesOf(pod).map(({ file, container, sizeBytes }) => {
        const { sha256 } = arrivals.get(file) ?? {};
        return { file, container, sizeBytes, ...(sha256 && { sha256 }) };
      });
      const sizeBytes = archives.reduce((sum, archive) => sum + archive.sizeBytes, 0);
      return { sandboxId, namespace, name, outcome, sizeBytes, archives };
    }
    const { sizeBytes, sha256 } = arrivals.get(podFileName(sandboxId)) ?? {};
    return {
      sandboxId,
      namespace,
      name,
      outcome,
      ...(sizeBytes !== undefined && { sizeBytes }),
      ...(sha256 && { sha256 }),
    };
  });
  return { form, pods, verified };
}
