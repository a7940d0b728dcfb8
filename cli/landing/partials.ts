import { createHash } from 'node:crypto';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Archive } from '../../core/archive/reader.ts';
import { isPodfreightError } from '../../core/errors.ts';
import { orFileError } from '../file-error.ts';
import { JOURNAL, Partial, removeDead } from '../partial.ts';
import type { PrivateFolder } from './private-folder.ts';

const PARTIAL = /^partial-[0-9a-f]{16}$/;

/** What was begun and not gone on with is kept for so long, and so many of them. */
const KEPT_MS = 7 * 24 * 60 * 60 * 1000;
const KEPT_COUNT = 3;

/**
 * What an earlier pull of the same pods from the very same object has left, or a new one. Those that nobody is likely to go
 * on with are removed.
 * @param names of the pods' members
 * @returns undefined when nobody could go on with it, as the archive may be another tomorrow, or tells no digests; or when
 *   another process is pulling the same
 */
export async function openPartial(
  folder: PrivateFolder,
  { archive, names, signal }: { archive: Archive; names: readonly string[]; signal: AbortSignal },
): Promise<Partial | undefined> {
  const isResumable = archive.identity !== undefined && archive.verified;
  if (!isResumable && (await listPartials(folder.path)).length === 0) return undefined;
  using _ = await folder.lock(signal);
  await sweep(folder, KEPT_COUNT);
  if (!isResumable) return undefined;
  const digests = archive.index?.members.map(({ name, sha256 }) => [name, sha256]);
  const what = JSON.stringify([archive.identity, digests, names.toSorted()]);
  const digest = createHash('sha256').update(what).digest('hex').slice(0, 16);
  return await Partial.open(join(folder.path, `partial-${digest}`));
}

/**
 * That much can be written, if need be in the place of what other pulls have left.
 * @throws PodfreightError `no-space`
 */
export async function makeSpace(folder: PrivateFolder, sizeBytes: number, signal: AbortSignal): Promise<void> {
  try {
    await folder.checkSpace(sizeBytes);
  } catch (error) {
    if (!isPodfreightError(error, 'no-space') || (await listPartials(folder.path)).length === 0) throw error;
    using _ = await folder.lock(signal);
    await sweep(folder, 0);
    await folder.checkSpace(sizeBytes);
  }
}

export async function removePartial(folder: PrivateFolder, partial: Partial): Promise<void> {
  using _ = await folder.lock();
  await partial.remove();
}

/** Only while the private folder is locked. */
async function sweep({ path }: PrivateFolder, keptCount: number): Promise<void> {
  const oldest = Date.now() - KEPT_MS;
  for (const [i, { folder, usedMs }] of (await listPartials(path)).entries()) {
    if (i >= keptCount || usedMs < oldest) await removeDead(folder);
  }
}

/** The last used first. */
export async function listPartials(path: string): Promise<{ folder: string; usedMs: number }[]> {
  const names = await orFileError(`Cannot read ${path}`, () => readdir(path));
  const folders = names.filter((name) => PARTIAL.test(name)).map((name) => join(path, name));
  const partials = await Promise.all(folders.map(async (folder) => ({ folder, usedMs: await usedAt(folder) })));
  return partials.sort((a, b) => b.usedMs - a.usedMs);
}

/** Its journal grows with every piece. */
async function usedAt(folder: string): Promise<number> {
  const stats = await lstat(join(folder, JOURNAL)).catch(() => undefined);
  return stats?.mtimeMs ?? 0;
}
