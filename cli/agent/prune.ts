import { unlinkSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { openIfThere } from '../../core/open-if-there.ts';
import type { ArchiveStore, Catalogue } from '../../core/ports.ts';
import { syncDirectory } from '../durable.ts';
import { fileError, orFileError } from '../file-error.ts';
import { fileVersion, inodeOf } from '../file-version.ts';
import { openForWriting } from '../open-writers.ts';
import type { StoredFile } from './state.ts';

/** What may be removed of what S3 and the catalogue have. */
export interface PruneRules {
  /** The newest of each container that stay, while there is room. */
  readonly keep: number;
  /** Free space of the file system, below which those go as well, the oldest first. */
  readonly minFree?: MinFree;
}

export type MinFree = { readonly percent: number } | { readonly bytes: number };

/** Of each container those behind the newest `keep`, oldest first. */
export function beyondKeep(stored: readonly StoredFile[], keep: number): StoredFile[] {
  const newestFirst = stored.toSorted((a, b) => b.takenAt - a.takenAt || (a.name < b.name ? 1 : -1));
  const counts = new Map<string, number>();
  const beyond = newestFirst.filter(({ container }) => {
    const newer = counts.get(container) ?? 0;
    counts.set(container, newer + 1);
    return newer >= keep;
  });
  return beyond.reverse();
}

export interface PruneOptions {
  readonly rules: PruneRules;
  readonly catalogue: Catalogue;
  readonly store: ArchiveStore;
  readonly signal: AbortSignal;
  /** As in `openForWriting`. */
  readonly proc?: string;
  /** Before S3 or the catalogue is asked. */
  readonly onAsk?: () => void;
  /** By the rules it would go, and the catalogue or S3 does not have it, or not yet. */
  readonly onUnconfirmed?: (file: StoredFile) => void;
  readonly onRemoved: (file: StoredFile, why: 'keep' | 'min-free') => void;
  /** The catalogue has no archive of what S3 was given. */
  readonly onRejected: (file: StoredFile, reason: string) => void;
}

/**
 * Removes by the rules what S3 still has and the catalogue knows as ready. What is asked last is whether the file still is
 * the very one that was shipped.
 * @param stored of one directory, the oldest first
 * @throws PodfreightError as store, catalogue and file system
 */
export async function prune(directory: string, stored: readonly StoredFile[], options: PruneOptions): Promise<void> {
  const { rules } = options;
  const asked = new Map<string, Promise<boolean>>();
  const isSafe = (file: StoredFile) => {
    const answer = asked.get(file.location.key) ?? isConfirmed(file, options);
    asked.set(file.location.key, answer);
    return answer;
  };
  const written = await openForWriting(
    new Map(stored.map(({ name, version }) => [name, inodeOf(version)])),
    options.proc,
  );
  const failures: unknown[] = [];
  const removed = async (file: StoredFile, why: 'keep' | 'min-free') => {
    if (written?.has(file.name)) return;
    if (!(await isSafe(file))) return options.onUnconfirmed?.(file);
    try {
      if (removeIfSame(file)) options.onRemoved(file, why);
    } catch (error) {
      failures.push(error); // one that cannot be removed does not keep the others
    }
  };
  const beyond = new Set(beyondKeep(stored, rules.keep));
  for (const file of beyond) await removed(file, 'keep');
  const { minFree } = rules;
  for (const file of stored) {
    if (minFree === undefined || !(await isBelow(directory, minFree))) break;
    if (!beyond.has(file)) await removed(file, 'min-free');
  }
  await syncDirectory(directory);
  if (failures.length > 0) throw failures[0];
}

async function isConfirmed(file: StoredFile, options: PruneOptions): Promise<boolean> {
  const { catalogue, store, signal, onAsk, onRejected } = options;
  signal.throwIfAborted();
  onAsk?.();
  const record = await catalogue.archive(file.location);
  if (record?.state === 'rejected') onRejected(file, record.reason ?? 'it does not say why');
  if (record?.state !== 'ready') return false;
  const object = await openIfThere(store, file.location);
  await object?.close();
  return object?.sizeBytes === file.objectBytes;
}

/** In one turn, so that nothing of ours runs between the last look and the end of it. */
function removeIfSame({ directory, name, version }: StoredFile): boolean {
  const path = join(directory, name);
  try {
    if (fileVersion(path)?.version !== version) return false;
    unlinkSync(path);
    return true;
  } catch (error) {
    throw fileError(error, `Cannot remove ${path}`);
  }
}

async function isBelow(directory: string, minFree: MinFree): Promise<boolean> {
  const { bavail, blocks, bsize } = await orFileError(`Cannot look up the space of ${directory}`, () =>
    statfs(directory),
  );
  return 'percent' in minFree ? bavail * 100 < blocks * minFree.percent : bavail * bsize < minFree.bytes;
}
