import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseKubeletFileName } from '../core/checkpoint/kubelet-file-name.ts';
import { groupByPod, type PodGroup } from '../core/checkpoint/pod-groups.ts';
import { PodfreightError } from '../core/errors.ts';
import { MANIFEST_NAME } from '../core/sandbox-id.ts';
import type { Watch } from '../core/shipment.ts';
import { orFileError } from './file-error.ts';
import { type FinishedArchive, finishedArchives } from './finished-archives.ts';

/** Finished container archives by pod, and why others cannot be shipped. */
export interface ArchivesByPod {
  readonly groups: readonly PodGroup<FinishedArchive>[];
  readonly failures: readonly PodfreightError[];
}

export interface KubeletNames {
  readonly hasManifest: boolean;
  /** Paths of what is called as the kubelet calls container archives. */
  readonly archives: readonly string[];
}

/** What a directory has, by names alone. @throws PodfreightError as the file system */
export async function kubeletNames(directory: string): Promise<KubeletNames> {
  const names = await orFileError(`Cannot list ${directory}`, () => readdir(directory));
  const archives = names.filter((name) => parseKubeletFileName(name) !== undefined).sort();
  return { hasManifest: names.includes(MANIFEST_NAME), archives: archives.map((name) => join(directory, name)) };
}

/** Those that may be archives of a chosen pod: the kubelet's names have the pod, and its namespace where more begins. */
export function mayBeChosen(paths: readonly string[], selectors: readonly string[]): string[] {
  return paths.filter((path) => {
    const name = parseKubeletFileName(path.slice(path.lastIndexOf('/') + 1));
    if (name === undefined || selectors.length === 0) return true;
    return selectors.some((selector) => {
      const [namespace, pod] = selector.split('/');
      return pod === undefined || (pod === name.pod && name.namespaceAndContainer.startsWith(`${namespace}-`));
    });
  });
}

/** Reads container archives that have the kubelet's names. @throws PodfreightError the signal's reason */
export async function readArchives(paths: readonly string[], watch: Watch): Promise<ArchivesByPod> {
  const { archives, bundles, failures } = await finishedArchives(paths, watch);
  const strange = bundles.map((path) => {
    const message = `${path} has the name of a container's archive, and is another kind; push it by its name.`;
    return new PodfreightError('unsupported', message, { subject: { path } });
  });
  const { groups, failures: loose } = byPod(archives);
  return { groups, failures: [...failures, ...strange, ...loose] };
}

/** What is of no pod is a failure. */
export function byPod(archives: readonly FinishedArchive[]): ArchivesByPod {
  const { pods, loose } = groupByPod(archives);
  const failures = loose.map(({ found: { path }, reason }) => {
    return new PodfreightError('unsupported', `${path} cannot be pushed, because ${reason}.`, { subject: { path } });
  });
  return { groups: pods, failures };
}

/** File name → SHA-256. */
export function digestsOf({ archives }: PodGroup<FinishedArchive>): ReadonlyMap<string, string> {
  return new Map(archives.map(({ fileName, digest }) => [fileName, digest]));
}
