import { link, lstat, readFile, rename, rm, unlink } from 'node:fs/promises';
import { checkManifest, formatManifest, type Manifest, parseManifest } from '../../core/manifest/manifest.ts';
import { podFileName } from '../../core/sandbox-id.ts';
import { syncDirectory } from '../durable.ts';
import { isErrno, orFileError } from '../file-error.ts';
import type { KubeletDirectory } from '../kubelet-directory.ts';
import { FileLock } from './lock.ts';
import type { PrivateFolder } from './private-folder.ts';
import { exists, listStagings, removeDone, retire, writeSynced } from './staging.ts';
import { StagingPaths } from './staging-paths.ts';

/**
 * Undoes what inserts that died have left, and removes their folders. Only while the private folder is locked.
 * Killed itself, it can be run again.
 * @throws PodfreightError `invalid-manifest` when the target's manifest cannot be read: then nothing is touched
 */
export async function rollBackDead(target: KubeletDirectory, { path }: PrivateFolder): Promise<void> {
  const { stagings, done } = await listStagings(path);
  for (const staging of stagings) {
    const paths = new StagingPaths(staging);
    const lock = FileLock.tryTake(paths.lock, 'report');
    if (lock === 'busy') continue;
    try {
      if (!(await exists(staging))) continue; // was just alive, and has removed itself
      await rollBack(target, paths);
      await removeDone(await retire(staging));
    } finally {
      if (lock instanceof FileLock) lock[Symbol.dispose]();
    }
  }
  for (const folder of done) await removeDone(folder);
}

/** Whether no insert, dead or alive, has anything in the folder. */
export async function isTidy({ path }: PrivateFolder): Promise<boolean> {
  const { stagings, done } = await listStagings(path);
  return stagings.length === 0 && done.length === 0;
}

/**
 * Brings the target back to what it was before this staging's landing, unless the landing was committed. What the
 * manifest names stays, whoever wrote that manifest.
 * @returns whether the landing was committed, and so stays
 */
export async function rollBack(target: KubeletDirectory, staging: StagingPaths): Promise<boolean> {
  const begun = await inode(staging.after);
  if (begun === undefined) return false;
  if ((await inode(target.manifestPath)) === begun) return true;

  const before = await readBefore(target, staging);
  const live = await target.readManifestIfAny();
  const listed = new Set((live?.pods ?? []).map((pod) => podFileName(pod.sandboxId)));
  for (const name of await staging.names('old')) await restoreOld(target, staging, name);
  for (const name of await staging.names('new')) {
    if (!listed.has(name) && (await isFromHere(target, staging, name))) {
      await orFileError(`Cannot remove ${target.filePath(name)}`, () => unlink(target.filePath(name)));
    }
  }
  await syncDirectory(target.path);
  if (before !== undefined && live !== undefined) await restoreEntries(target, staging, before, live);
  await orFileError(`Cannot remove ${staging.after}`, () => unlink(staging.after)); // nothing is begun any more
  return false;
}

/** Whether the target's file is the one that this staging put there. */
async function isFromHere(target: KubeletDirectory, staging: StagingPaths, name: string): Promise<boolean> {
  const there = await inode(target.filePath(name));
  return there !== undefined && there === (await inode(staging.file('new', name)));
}

async function restoreOld(target: KubeletDirectory, staging: StagingPaths, name: string): Promise<void> {
  if (!(await isFromHere(target, staging, name))) return;
  const path = target.filePath(name);
  await orFileError(`Cannot restore ${path}`, async () => {
    const again = staging.file('swap', name);
    await rm(again, { force: true });
    await link(staging.file('old', name), again);
    await rename(again, path);
  });
}

/** Names the pods again that stood in the manifest before, each in its old place. */
async function restoreEntries(target: KubeletDirectory, staging: StagingPaths, before: Manifest, live: Manifest) {
  const earlier = before.pods ?? [];
  const now = live.pods ?? [];
  const current = new Map(now.map((pod) => [pod.sandboxId, pod]));
  if (earlier.every((pod) => current.has(pod.sandboxId))) return;
  const known = new Set(earlier.map((pod) => pod.sandboxId));
  const pods = [
    ...earlier.map((pod) => current.get(pod.sandboxId) ?? pod),
    ...now.filter((pod) => !known.has(pod.sandboxId)),
  ];
  await orFileError(`Cannot restore ${target.manifestPath}`, async () => {
    await rm(staging.between, { force: true });
    await writeSynced(staging.between, formatManifest({ ...live, pods }));
    await rename(staging.between, target.manifestPath);
  });
  await syncDirectory(target.path);
}

async function readBefore(target: KubeletDirectory, staging: StagingPaths): Promise<Manifest | undefined> {
  try {
    const manifest = parseManifest(await readFile(staging.before), target.manifestPath);
    checkManifest(manifest, target.manifestPath);
    return manifest;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    return orFileError(`Cannot read ${staging.before}`, () => Promise.reject(error));
  }
}

/** What tells a file from every other as long as it has a name; undefined when nothing is there. */
async function inode(path: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await lstat(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    return orFileError(`Cannot look up ${path}`, () => Promise.reject(error));
  }
}
