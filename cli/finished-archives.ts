import { basename, dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OpenArchive } from '../core/checkpoint/ship-containers.ts';
import { isPodfreightError, PodfreightError } from '../core/errors.ts';
import type { Watch } from '../core/shipment.ts';
import { type FileVersion, fileVersion, inodeOf } from './file-version.ts';
import { openForWriting } from './open-writers.ts';
import { lookThrough, type WholeArchive, wholeSource } from './whole-archive.ts';

/** A container archive on disk that is proved to be whole. It is opened when it is read, and then has to be the same. */
export interface FinishedArchive extends WholeArchive, OpenArchive {
  readonly path: string;
}

export interface Finished {
  readonly archives: readonly FinishedArchive[];
  /** Paths of archives that have a manifest. */
  readonly bundles: readonly string[];
  /** Why the others cannot be shipped. */
  readonly failures: readonly PodfreightError[];
}

/** How long a file must stay as it is: where its writers can be seen, longer than the kernel's clock takes to tell. */
const SETTLE_MS = { seen: 100, unseen: 2000 };

/**
 * Reads archives that are finished: no process writes to them, or where not all processes can be seen, nothing has changed
 * them for a while; and each is whole to its two zero blocks, behind which nothing counts. CRI-O and containerd write in
 * place, under the name that stays.
 * @param paths what is given twice counts once
 * @throws PodfreightError the signal's reason
 */
export async function finishedArchives(paths: readonly string[], watch: Watch): Promise<Finished> {
  const archives: FinishedArchive[] = [];
  const bundles: string[] = [];
  const failures: PodfreightError[] = [];
  const seen = new Set<string>();
  const closed = await closedFiles(paths, failures);
  for (const [path, version] of closed) {
    try {
      watch.signal?.throwIfAborted();
      if (seen.has(version)) continue;
      seen.add(version);
      const found = await lookThrough({ path, name: basename(path), version }, watch);
      if (found === 'bundle') bundles.push(path);
      else archives.push({ ...found, path, source: wholeSource(path, version) });
    } catch (error) {
      if (watch.signal?.aborted || !isPodfreightError(error)) throw error;
      failures.push(error);
    }
  }
  return { archives, bundles, failures };
}

/** Path → version of the files that nobody writes to. */
async function closedFiles(paths: readonly string[], failures: PodfreightError[]): Promise<Map<string, string>> {
  const files = new Map<string, FileVersion>();
  for (const path of paths) {
    const file = fileVersion(path);
    if (file === undefined) failures.push(noFile(path));
    else files.set(path, file);
  }
  const written = await beingWritten(files);
  const settleMs = written === undefined ? SETTLE_MS.unseen : SETTLE_MS.seen;
  const restMs = [...files.values()].map(({ changedAt }) => changedAt + settleMs - Date.now());
  await sleep(Math.min(Math.max(0, ...restMs), settleMs));
  for (const path of written ?? []) {
    files.delete(path);
    failures.push(
      new PodfreightError('busy', `${path} is open for writing, so it may not be finished; push it when it is.`, {
        subject: { path },
      }),
    );
  }
  return new Map([...files].map(([path, { version }]) => [path, version])); // which it has to have still when it is read
}

/** Paths of those that some process writes to; undefined when that cannot be seen. */
async function beingWritten(files: ReadonlyMap<string, FileVersion>): Promise<readonly string[] | undefined> {
  const written: string[] = [];
  for (const inIt of Map.groupBy(files, ([path]) => dirname(path)).values()) {
    const inodes = new Map(inIt.map(([path, { version }]) => [basename(path), inodeOf(version)]));
    const names = await openForWriting(inodes);
    if (names === undefined) return undefined;
    written.push(...inIt.map(([path]) => path).filter((path) => names.has(basename(path))));
  }
  return written;
}

function noFile(path: string): PodfreightError {
  return new PodfreightError('not-found', `${path} is gone, or no regular file.`, { subject: { path } });
}
