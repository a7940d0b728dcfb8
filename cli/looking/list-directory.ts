import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type ContainerSummary, summariseEntry, summariseFields } from '../../core/checkpoint/container-summary.ts';
import { PodfreightError } from '../../core/errors.ts';
import type { ManifestPod } from '../../core/manifest/manifest.ts';
import { isSandboxId, podFileName } from '../../core/sandbox-id.ts';
import { formatBytes } from '../bytes.ts';
import type { CommandContext } from '../command.ts';
import { orFileError } from '../file-error.ts';
import { KubeletDirectory } from '../kubelet-directory.ts';
import { renderTable } from '../table.ts';
import { engineName, sizeText, wholeSeconds } from './containers-table.ts';
import { directoryArchives } from './directory-archives.ts';
import { attempt, lookAtEntry, lookAtManifest } from './look.ts';
import { failureJson, reportFailures } from './report-failures.ts';
import type { Failed, Sight } from './sight.ts';

/** An archive as `podfreight list DIRECTORY --json` prints it (docs/json.md). */
interface ListedArchive {
  readonly file: string;
  readonly kind: Sight['kind'];
  /** ISO 8601 in UTC: of the newest checkpoint in it; '' where nothing tells. */
  readonly checkpointedAt: string;
  readonly sizeBytes: number;
  readonly containers: readonly ContainerSummary[];
}

/**
 * Lists a directory's archives, newest first: those that `look` looks at, and the files of pods that its manifest names.
 * @throws PodfreightError `usage` for a URL, `not-found` also when it is no directory, and as `reportFailures`
 */
export async function listDirectory(path: string, context: CommandContext): Promise<void> {
  if (path.startsWith('s3://')) {
    throw new PodfreightError(
      'usage',
      'A directory on this machine is listed; "podfreight show" looks at objects in S3.',
    );
  }
  const archives: ListedArchive[] = [];
  const failures: Failed[] = [];
  for await (const one of archivesIn(path, context)) {
    if ('error' in one) failures.push(one);
    else archives.push(one);
  }
  const sorted = archives.toSorted((a, b) => order(b.checkpointedAt, a.checkpointedAt) || order(a.file, b.file));
  const json = { directory: path, archives: sorted, failures: failures.map(failureJson) };
  context.output.result(json, await asTable(sorted));
  reportFailures(failures, context.output);
}

async function* archivesIn(path: string, context: CommandContext): AsyncGenerator<ListedArchive | Failed> {
  const { hasManifest, names } = await directoryArchives(path);
  if (hasManifest) yield* manifestArchives(new KubeletDirectory(path));
  for (const name of names) {
    const sight = await lookAtEntry(path, name, context);
    if (sight?.kind === 'failed') yield sight;
    else if (sight !== undefined) yield listed(sight);
  }
}

/** The files of pods, as their entries in the manifest tell of them. */
async function* manifestArchives(directory: KubeletDirectory): AsyncGenerator<ListedArchive | Failed> {
  const { manifestPath } = directory;
  const sight = await attempt(manifestPath, () => lookAtManifest(directory));
  if (sight.kind === 'failed') return yield sight;
  for (const pod of (sight.manifest.pods ?? []).filter(({ sandboxId }) => isSandboxId(sandboxId))) {
    const file = podFileName(pod.sandboxId);
    const path = join(directory.path, file);
    yield await attempt(path, async () => {
      const { size, mtime } = await orFileError(`Cannot open ${path}`, () => stat(path));
      const containers = containersOf(pod, manifestPath);
      const checkpointedAt = newest(containers) || mtime.toISOString();
      return { file, kind: 'pod' as const, checkpointedAt, sizeBytes: size, containers };
    });
  }
}

function listed(sight: Sight): ListedArchive {
  const { kind, source, sizeBytes = 0 } = sight;
  const containers =
    kind === 'pods' ? (sight.manifest.pods ?? []).flatMap((pod) => containersOf(pod, source)) : sight.containers;
  const modifiedAt = kind === 'pods' ? (sight.modifiedAt?.toISOString() ?? '') : '';
  return { file: basename(source), kind, checkpointedAt: newest(containers) || modifiedAt, sizeBytes, containers };
}

function containersOf(pod: ManifestPod, file: string): ContainerSummary[] {
  const archives = summariseEntry(pod, file);
  return archives.length > 0 ? archives : summariseFields(pod);
}

function newest(containers: readonly ContainerSummary[]): string {
  return containers.map(({ checkpointedAt }) => checkpointedAt).reduce((a, b) => (a > b ? a : b), '');
}

function order(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

const HEADER = ['Checkpointed', 'Namespace', 'Pod', 'Containers', 'Engine', 'Size', 'CHKPT Size', 'Root FS Diff Size'];

function asTable(archives: readonly ListedArchive[]): Promise<string> {
  const rows = archives.map(({ file, checkpointedAt, sizeBytes, containers }) => {
    const each = (of: (container: ContainerSummary) => string) => [...new Set(containers.map(of))].join(' ');
    const sum = (of: (container: ContainerSummary) => number) => containers.reduce((total, one) => total + of(one), 0);
    return [
      wholeSeconds(checkpointedAt),
      each(({ namespace }) => namespace),
      each(({ pod }) => pod),
      each(({ container }) => container),
      each(({ engine }) => engineName(engine)),
      formatBytes(sizeBytes),
      sizeText(sum(({ checkpointBytes }) => checkpointBytes)),
      sizeText(sum(({ rootfsDiffBytes }) => rootfsDiffBytes)),
      file,
    ];
  });
  return renderTable([...HEADER, 'Archive'], rows, { merge: false });
}
