import { lstat, realpath, stat } from 'node:fs/promises';
import type { ArchiveFormat } from '../core/archive/format.ts';
import { roundsOf } from '../core/checkpoint/rounds.ts';
import { shipContainers } from '../core/checkpoint/ship-containers.ts';
import { isPodfreightError, PodfreightError } from '../core/errors.ts';
import { MANIFEST_NAME } from '../core/sandbox-id.ts';
import { type Shipment, shipArchive, shipPods, type Watch } from '../core/shipment.ts';
import { type ArchivesByPod, byPod, digestsOf, kubeletNames, mayBeChosen, readArchives } from './directory-archives.ts';
import { orFileError } from './file-error.ts';
import { FileSource } from './file-source.ts';
import { finishedArchives } from './finished-archives.ts';
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
  const { archives, bundles, failures: unfinished } = await finishedArchives(files, options);
  failures.push(...unfinished);
  await packContainers(byPod(archives), { options, list, failures, there });
  for (const path of bundles) {
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
  const { hasManifest, archives } = await kubeletNames(path);
  if (!hasManifest && archives.length === 0) {
    throw new PodfreightError(
      'not-found',
      `${path} has neither ${MANIFEST_NAME} nor archives of containers, so there is nothing to push.`,
      { subject: { path } },
    );
  }
  if (hasManifest) {
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
  await packContainers(await readArchives(mayBeChosen(archives, options.selectors), options), packing);
}

async function packContainers({ groups, failures }: ArchivesByPod, { options, list, there, ...packing }: Packing) {
  packing.failures.push(...failures);
  for (const group of groups) {
    const pod = { namespace: group.namespace, name: group.podName, sandboxId: group.sandboxId };
    there.pods.push(pod);
    if (!isSelected(pod, options.selectors)) continue;
    for (const round of roundsOf(group)) {
      await keepFailure(packing.failures, options, async () => {
        const shipment = await shipContainers(round, digestsOf(round), options.format, hashThread);
        list.push({ shipment, files: round.archives.map(({ fileName }) => fileName) });
      });
    }
  }
}

async function keepFailure(failures: PodfreightError[], { signal }: Watch, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (signal?.aborted || !isPodfreightError(error)) throw error;
    failures.push(error);
  }
}
