import { link, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { formatManifest, type Manifest } from '../../core/manifest/manifest.ts';
import { syncDirectory, syncFile } from '../durable.ts';
import { orFileError } from '../file-error.ts';
import type { KubeletDirectory } from '../kubelet-directory.ts';
import type { LandingPlan } from './plan.ts';
import { rollBack } from './rollback.ts';
import { inPlaceBut, openNew, writeSynced } from './staging.ts';
import type { StagingPaths } from './staging-paths.ts';

const NOT_DURABLE = 'may not survive a power cut; insert it again';

/**
 * Makes the target what the plan says, each step durable before the next depends on it. Only while the private folder is
 * locked, and until the staging is retired. The rename of `next` commits, and of container archives the removal of
 * `after`: killed before it, the next insert rolls back.
 * @param present the target's manifest, if it has one
 */
export async function commit(
  target: KubeletDirectory,
  staging: StagingPaths,
  plan: LandingPlan,
  present: Manifest | undefined,
): Promise<void> {
  try {
    await prepare(target, staging, plan, present);
    await carryOut(target, staging, plan);
  } catch (error) {
    const isCommitted = await rollBack(target, staging).catch((failure) => {
      failure.cause ??= error; // the next insert tries again
      throw failure;
    });
    throw isCommitted ? inPlaceBut(NOT_DURABLE, error) : error;
  }
}

async function carryOut(target: KubeletDirectory, staging: StagingPaths, plan: LandingPlan): Promise<void> {
  if (plan.between !== undefined) await putManifest(target, staging.between);
  for (const name of plan.link) {
    const path = target.filePath(name);
    await orFileError(`Cannot create ${path}`, () => link(staging.file('new', name), path)); // never over a file
  }
  for (const name of plan.swap) {
    const path = target.filePath(name);
    await orFileError(`Cannot replace ${path}`, () => rename(staging.file('swap', name), path));
  }
  await syncDirectory(target.path);
  if (plan.after !== undefined) await putManifest(target, staging.next);
  else await forgetHowToUndo(staging);
}

/** Everything a rollback needs to know is on disk before the target changes. */
async function prepare(
  target: KubeletDirectory,
  staging: StagingPaths,
  plan: LandingPlan,
  present: Manifest | undefined,
): Promise<void> {
  for (const name of plan.swap) {
    await orFileError(`Cannot link ${target.filePath(name)}`, async () => {
      await link(target.filePath(name), staging.file('old', name));
      await link(staging.file('new', name), staging.file('swap', name));
    });
  }
  if (plan.between !== undefined && present !== undefined) {
    await writeSynced(staging.before, formatManifest(present));
    await writeSynced(staging.between, formatManifest(plan.between));
  }
  for (const name of plan.keep) await syncFile(target.filePath(name));
  if (plan.after !== undefined) await writeSynced(staging.next, formatManifest(plan.after));
  for (const folder of ['new', 'old', 'swap'] as const) await syncDirectory(staging.folder(folder));
  await syncDirectory(dirname(staging.root));
  await orFileError(`Cannot write ${staging.after}`, async () => {
    if (plan.after !== undefined) await link(staging.next, staging.after);
    else await (await openNew(staging.after)).close();
  });
  await syncDirectory(staging.root);
}

/** What is there already, and right, survives a power cut as well, whoever wrote it. */
export async function confirm(target: KubeletDirectory, { keep, after }: LandingPlan): Promise<void> {
  if (keep.length === 0) return;
  for (const name of keep) await syncFile(target.filePath(name));
  if (after !== undefined) await syncFile(target.manifestPath);
  await syncDirectory(target.path);
}

/**
 * Container archives need no manifest: they have landed when nothing tells any more that they are to be undone.
 * @throws PodfreightError that says so, when that may not be on disk
 */
async function forgetHowToUndo(staging: StagingPaths): Promise<void> {
  await orFileError(`Cannot remove ${staging.after}`, () => unlink(staging.after));
  await syncDirectory(staging.root).catch((error) => {
    throw inPlaceBut(NOT_DURABLE, error);
  });
}

async function putManifest(target: KubeletDirectory, from: string): Promise<void> {
  await orFileError(`Cannot replace ${target.manifestPath}`, () => rename(from, target.manifestPath));
  await syncDirectory(target.path);
}
