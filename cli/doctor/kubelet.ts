import { constants } from 'node:fs';
import { access, stat, statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { formatBytes } from '../bytes.ts';
import { isErrno, orFileError } from '../file-error.ts';
import { KubeletDirectory } from '../kubelet-directory.ts';
import { FileLock } from '../landing/lock.ts';
import { listPartials } from '../landing/partials.ts';
import { PrivateFolder } from '../landing/private-folder.ts';
import { listStagings } from '../landing/staging.ts';
import { StagingPaths } from '../landing/staging-paths.ts';
import { type Check, examine, type Finding, note, ok, problem, warning } from './finding.ts';

const GIB = 2 ** 30;
/** @see https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/ nodefs.available<10% */
const EVICTION_SHARE = 0.1;

const SOCKETS = { containerd: '/run/containerd/containerd.sock', 'CRI-O': '/run/crio/crio.sock' };

/** The kubelet directory, what inserts have left in it, its file system, and who could make checkpoints here. */
export async function examineNode(target: string): Promise<Check[]> {
  return Promise.all([
    examine('directory', () => lookAtDirectory(target)),
    examine('inserts', () => lookAtInserts(target)),
    examine('space', () => lookAtSpace(target)),
    examine('engine', () => lookForEngine(SOCKETS, process.env.PATH ?? '')),
  ]);
}

async function lookAtDirectory(target: string): Promise<Finding> {
  const found = await statIfAny(target);
  if (found === undefined) {
    return note(`${target} is not there; the kubelet makes it with the first checkpoint, and so do insert and pull.`);
  }
  if (!found.isDirectory()) return problem('not-found', `${target} is no directory.`, 'Give the right one with -t.');
  const { R_OK, W_OK, X_OK } = constants;
  await orFileError(`You may not read and write ${target} (run as root, or as its owner)`, () =>
    access(target, R_OK | W_OK | X_OK),
  );
  const directory = new KubeletDirectory(target);
  const pods = (await directory.readManifestIfAny())?.pods ?? [];
  const missing: string[] = [];
  for (const { sandboxId } of pods) if (!(await directory.hasPod(sandboxId))) missing.push(`${sandboxId}.tar`);
  if (missing.length > 0) {
    return warning(
      `${directory.manifestPath} names files that are not there: ${missing.join(', ')}.`,
      'Insert or pull those pods again, or take them out of it; until then push and extract refuse the directory.',
    );
  }
  if ((found.mode & 0o077) !== 0) {
    const mode = (found.mode & 0o777).toString(8).padStart(4, '0');
    return warning(
      `${target} has mode ${mode}, and checkpoints hold the memory of processes.`,
      `Run "chmod 0700 ${target}".`,
    );
  }
  return ok(`${target} has ${pods.length === 1 ? '1 pod' : `${pods.length} pods`}.`);
}

async function lookAtInserts(target: string): Promise<Finding> {
  const folder = await PrivateFolder.openIfAny(target);
  if (folder === undefined) return ok('Nothing was ever inserted here.');
  const lock = folder.tryLock();
  if (lock === 'busy') return note('Another podfreight holds the directory just now.');
  try {
    const { stagings, done } = await listStagings(folder.path);
    const dead = stagings.filter((staging) => !isAlive(staging)).length + done.length;
    if (dead > 0) {
      return warning(
        `${dead === 1 ? 'An insert' : `${dead} inserts`} ended before its time and left files in ${folder.path}.`,
        'The next insert or pull clears up; run yours again.',
      );
    }
    if (stagings.length > 0) return note('An insert is under way.');
    const partials = await listPartials(folder.path);
    if (partials.length === 0) return ok('No insert or pull is under way, and none was cut off.');
    return note(
      `${partials.length === 1 ? 'A pull was' : `${partials.length} pulls were`} cut off and can go on.`,
      'Run it again; what nobody goes on with for a week is removed by the next one.',
    );
  } finally {
    if (lock instanceof FileLock) lock[Symbol.dispose]();
  }
}

/** Only while the private folder is locked. */
function isAlive(staging: string): boolean {
  const lock = FileLock.tryTake(new StagingPaths(staging).lock, 'report');
  if (lock instanceof FileLock) lock[Symbol.dispose]();
  return lock === 'busy';
}

async function lookAtSpace(target: string): Promise<Finding> {
  let path = resolve(target);
  while ((await statIfAny(path)) === undefined && path !== dirname(path)) path = dirname(path);
  const { bavail, blocks, bsize } = await orFileError(`Cannot look up the space of ${path}`, () => statfs(path));
  return lookAtFree({ path, freeBytes: bavail * bsize, sizeBytes: blocks * bsize });
}

export function lookAtFree(space: { path: string; freeBytes: number; sizeBytes: number }): Finding {
  const { path, freeBytes, sizeBytes } = space;
  const message = `${formatBytes(freeBytes)} of ${formatBytes(sizeBytes)} are free in ${path}.`;
  const advice = 'Make room, or let "podfreight agent --prune --min-free 15%" do it.';
  if (freeBytes === 0) return problem('no-space', message, advice);
  if (freeBytes < EVICTION_SHARE * sizeBytes) {
    return warning(`${message} The kubelet evicts pods when less than a tenth is.`, advice);
  }
  return freeBytes < GIB ? warning(message, advice) : ok(message);
}

/** Only what costs nothing: whether a socket and a program have their usual place. */
export async function lookForEngine(sockets: Readonly<Record<string, string>>, path: string): Promise<Finding> {
  const engines: string[] = [];
  for (const [name, socket] of Object.entries(sockets)) if (await statIfAny(socket)) engines.push(name);
  const folders = [...path.split(':').filter(Boolean), '/usr/sbin', '/usr/local/sbin'];
  const criu = (await Promise.all(folders.map((folder) => statIfAny(`${folder}/criu`)))).some(Boolean);
  if (engines.length === 0)
    return note('Neither containerd nor CRI-O runs here, so no checkpoints are made or restored.');
  if (criu) return ok(`${engines.join(' and ')} and CRIU are here.`);
  return note(
    `${engines.join(' and ')} is here, but CRIU is not in $PATH.`,
    'Install it where this node shall make or restore checkpoints.',
  );
}

async function statIfAny(path: string) {
  try {
    return await stat(path);
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
    return orFileError(`Cannot look up ${path}`, () => Promise.reject(error));
  }
}
