import { link, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { formatManifest, type Manifest } from '../../core/manifest/manifest.ts';
import { syncDirectory, syncFile } from '../durable.ts';
import { orFileError } from '../file-error.ts';
import type { KubeletDirectory } from '../kubelet-directory.ts';
import type { LandingPlan } from './plan.ts';
import { rollBack } from './rollback.ts';
import { inPlaceBut, writeSynced } from './staging.ts';
import type { StagingPaths } from './staging-paths.ts';

/**
 * Makes the target what the plan says, each step durable before the next depends on it. Only while the private folder is
 * locked, and until the staging is retired. The rename of `next` commits: killed before it, the next insert rolls back.
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
    throw isCommitted ? inPlaceBut('may not survive a power cut; insert it again', error) : error;
  }
}

async function carryOut(target: KubeletDirectory, staging: StagingPaths, plan: LandingPlan): Promise<void> {
  if (plan.between !== undefined) await putManifest(target, staging.between);
  for (const sandboxId of plan.link) {
    const path = target.podPath(sandboxId);
    await orFileError(`Cannot create ${path}`, () => link(staging.pod('new', sandboxId), path)); // never over a file
  }
  for (const sandboxId of plan.swap) {
    const path = target.podPath(sandboxId);
    await orFileError(`Cannot replace ${path}`, () => rename(staging.pod('swap', sandboxId), path));
  }
  await syncDirectory(target.path);
  await putManifest(target, staging.next);
}

/** Everything a rollback needs to know is on disk before the target changes. */
async function prepare(
  target: KubeletDirectory,
  staging: StagingPaths,
  plan: LandingPlan,
  present: Manifest | undefined,
): Promise<void> {
  for (const sandboxId of plan.swap) {
    await orFileError(`Cannot link ${target.podPath(sandboxId)}`, async () => {
      await link(target.podPath(sandboxId), staging.pod('old', sandboxId));
      await link(staging.pod('new', sandboxId), staging.pod('swap', sandboxId));
    });
  }
  if (plan.between !== undefined && present !== undefined) {
    await writeSynced(staging.before, formatManifest(present));
    await writeSynced(staging.between, formatManifest(plan.between));
  }
  for (const sandboxId of plan.keep) await syncFile(target.podPath(sandboxId));
  await writeSynced(staging.next, formatManifest(plan.after));
  for (const folder of ['new', 'old', 'swap'] as const) await syncDirectory(staging.folder(folder));
  await syncDirectory(dirname(staging.root));
  await orFileError(`Cannot write ${staging.after}`, () => link(staging.next, staging.after));
  await syncDirectory(staging.root);
}

/** What is there already, and right, survives a power cut as well, whoever wrote it. */
export async function confirm(target: KubeletDirectory, { keep }: LandingPlan): Promise<void> {
  if (keep.length === 0) return;
  for (const sandboxId of keep) await syncFile(target.podPath(sandboxId));
  await syncFile(target.manifestPath);
  await syncDirectory(target.path);
}

async function putManifest(target: KubeletDirectory, from: string): Promise<void> {
  await orFileError(`Cannot replace ${target.manifestPath}`, () => rename(from, target.manifestPath));
  await syncDirectory(target.path);
}
