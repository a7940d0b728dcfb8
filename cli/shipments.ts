import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArchiveFormat } from '../core/archive/format.ts';
import { parseKubeletFileName } from '../core/checkpoint/kubelet-file-name.ts';
import { type FoundArchive, groupByPod, type PodGroup } from '../core/checkpoint/pod-groups.ts';
import { roundsOf } from '../core/checkpoint/rounds.ts';
import { shipContainers } from '../core/checkpoint/ship-containers.ts';
import { isPodfreightError, PodfreightError } from '../core/errors.ts';
import { MANIFEST_NAME } from '../core/sandbox-id.ts';
import { type Shipment, shipArchive, shipPods, type Watch } from '../core/shipment.ts';
import { orFileError } from './file-error.ts';
import { FileSource } from './file-source.ts';
import { type Finished, type FinishedArchive, finishedArchives } from './finished-archives.ts';
import { hashThread } from './hash-thread.ts';
import { KubeletDirectory } from './kubelet-directory.ts';
import { checkMatched, isSelected } from './pod-flag.ts';

export interface Packed {
  readonly shipment: Shipment;
  /** Names of the container archives in it; none: pods' files, or an archive as it is. */
  readonly files: readonly string[];
}

/** What is to be pushed, held open. */
export interface Shipments extends AsyncDisposable {
  readonly list: readonly Packed[];
  /** Why other things that were found cannot be pushed. */
  readonly failures: readonly PodfreightError[];
}

export interface PackOptions extends Watch {
  /** Of what is made of files; an archive keeps its own. */
  readonly format: ArchiveFormat;
  /** Only these pods of directories and of container archives; none means all. */
  readonly selectors: readonly string[];
}

/**
 * Makes shipments of what lies there: of a directory, one for each pod of its manifest, and one for each round of a pod's
 * container archives that have the kubelet's names; of files, the same of container archives, and one for each archive with a
 * manifest. What cannot be pushed keeps nothing else from it.
 * @throws PodfreightError `not-found` for a path, or a selector that fits nothing; `usage`; and the signal's reason
 */
export async function packShipments(paths: readonly string[], options: PackOptions): Promise<Shipments> {
  await using open = new AsyncDisposableStack();
  const list: Packed[] = [];
  const failures: PodfreightError[] = [];
  const files: string[] = [];
  const there: Place = { pods: [] };
  for (const path of paths) {
    const isDirectory = (await orFileError(`Cannot open ${path}`, () => stat(path))).isDirectory();
    if (!isDirectory) files.push((await lstat(path)).isSymbolicLink() ? await realpath(path) : path);
    else await packDirectory(path, { options, open, list, failures, there });
  }
  const finished = await finishedArchives(files, options);
  await packContainers(finished, { options, list, failures, there });
  for (const path of finished.bundles) {
    if (options.selectors.length > 0) {
      const message = `--pod picks from a directory or container archives; the archive ${path} is pushed as a whole.`;
      throw new PodfreightError('usage', message);
    }
    await keepFailure(failures, options, async () => {
      const source = open.adopt(await FileSource.open(path, 'follow'), (one) => one.close());
      list.push({ shipment: await shipArchive(source, options), files: [] });
    });
  }
  if (failures.length === 0) checkMatched(there.pods, options.selectors, paths.join(', '));
  const kept = open.move();
  return { list, failures, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** All pods that were found, chosen or not. */
interface Place {
  readonly pods: { namespace: string; name: string; sandboxId: string }[];
}

interface Packing {
  readonly options: PackOptions;
  readonly list: Packed[];
  readonly failures: PodfreightError[];
  readonly there: Place;
}

async function packDirectory(path: string, packing: Packing & { open: AsyncDisposableStack }): Promise<void> {
  const { options, open, list, there } = packing;
  const names = await orFileError(`Cannot list ${path}`, () => readdir(path));
  const archives = names.filter((name) => parseKubeletFileName(name) !== undefined).sort();
  if (!names.includes(MANIFEST_NAME) && archives.length === 0) {
    throw new PodfreightError(
      'not-found',
      `${path} has neither ${MANIFEST_NAME} nor archives of containers, so there is nothing to push.`,
      { subject: { path } },
    );
  }
  if (names.includes(MANIFEST_NAME)) {
    const snapshot = await new KubeletDirectory(path).snapshot((manifest) => {
      there.pods.push(...(manifest.pods ?? []));
      return { ...manifest, pods: (manifest.pods ?? []).filter((pod) => isSelected(pod, options.selectors)) };
    });
    open.use(snapshot);
    for (const [i, file] of snapshot.pods.entries()) {
      const pods = (snapshot.manifest.pods ?? []).slice(i, i + 1);
      list.push({ shipment: shipPods({ ...snapshot.manifest, pods }, [file], options.format, hashThread), files: [] });
    }
  }
  const wanted = archives.filter((name) => mayBeOf(name, options.selectors)).map((name) => join(path, name));
  const { bundles, failures, ...finished } = await finishedArchives(wanted, options);
  const strange = bundles.map((bundle) => {
    const message = `${bundle} has the name of a container's archive, and is another kind; push it by its name.`;
    return new PodfreightError('unsupported', message, { subject: { path: bundle } });
  });
  await packContainers({ ...finished, bundles: [], failures: [...failures, ...strange] }, packing);
}

/** Whether the kubelet would call an archive of a chosen pod so: the pod stands there, of the namespace where it begins. */
function mayBeOf(fileName: string, selectors: readonly string[]): boolean {
  const name = parseKubeletFileName(fileName);
  if (name === undefined || selectors.length === 0) return true;
  return selectors.some((selector) => {
    const [namespace, pod] = selector.split('/');
    return pod === undefined || (pod === name.pod && name.namespaceAndContainer.startsWith(`${namespace}-`));
  });
}

async function packContainers({ archives, failures }: Finished, { options, list, there, ...packing }: Packing) {
  packing.failures.push(...failures);
  const { pods, loose } = groupByPod(archives);
  for (const { found, reason } of loose) {
    const message = `${found.path} cannot be pushed, because ${reason}.`;
    packing.failures.push(new PodfreightError('unsupported', message, { subject: { path: found.path } }));
  }
  for (const group of pods) {
    const pod = { namespace: group.namespace, name: group.podName, sandboxId: group.sandboxId };
    there.pods.push(pod);
    if (!isSelected(pod, options.selectors)) continue;
    for (const round of roundsOf(group)) {
      await keepFailure(packing.failures, options, async () => {
        const shipment = await shipContainers(round, digestsOf(round), options.format);
        list.push({ shipment, files: round.archives.map(({ fileName }) => fileName) });
      });
    }
  }
}

/** File name → SHA-256. */
export function digestsOf({ archives }: PodGroup<FinishedArchive & FoundArchive>): ReadonlyMap<string, string> {
  return new Map(archives.map(({ fileName, digest }) => [fileName, digest]));
}

async function keepFailure(failures: PodfreightError[], { signal }: Watch, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (signal?.aborted || !isPodfreightError(error)) throw error;
    failures.push(error);
  }
}
