import { HeaderWalk } from '../archive/header-walk.ts';
import { END_OF_TAR, encodeHeader } from '../archive/tar-encode.ts';
import { paddedBytes } from '../archive/tar-header.ts';
import type { Segment } from '../bundle/plan.ts';
import { segmentLength, segmentsLength } from '../bundle/segments.ts';
import { PodfreightError } from '../errors.ts';
import type { JsonValue } from '../manifest/json.ts';
import { formatJson } from '../manifest/json-format.ts';
import type { ManifestPod } from '../manifest/manifest.ts';
import { quoteText } from '../manifest/quote.ts';
import type { ByteSource } from '../ports.ts';
import { type ByteRange, rangeLength } from '../range.ts';
import { archiveMemberName, archiveStem } from './archive-file-name.ts';
import type { ContainerRecord } from './container-records.ts';
import { POD_ANNOTATIONS, POD_DUMP, POD_OPTIONS } from './pod-files.ts';
import { archiveRange, type PodGroup, timeOf } from './pod-groups.ts';

/** A `<SandboxID>.tar` to be: bytes at hand, and ranges of the files of `group.archives`, by their position there. */
export interface PodTarPlan {
  readonly segments: readonly Segment[];
  readonly sizeBytes: number;
  /** The newest archive's time, in whole seconds. */
  readonly modifiedAt: Date;
}

/**
 * Plans how the container archives of a pod become its `<SandboxID>.tar`: one tar, a pod archive of the form of 2026.
 *
 *     pod.options   {"version": 1, "containers": {"<container>": "<stem>", …}, "annotations": {…}}
 *     pod.dump      {"metadata": {"name": …, "uid": …, "namespace": …}}
 *     <stem>.tar    each container archive as it lies there, in the order of `pod.options`; its file's name without extension
 *
 * The manifest knows one file for each pod, while the kubelet writes one for each container. The first checkpointctl and the
 * kubelet of its time never open that file, so what is in it is free to choose. This form is chosen because
 * - the archives stay ranges of files: nothing is unpacked or packed anew, each comes out byte for byte with the digest it
 *   had, and an engine restores from it as from the file the kubelet wrote;
 * - readers of pod archives know it. A plain tar of tars would be none of the three kinds of archive there are, and
 *   `<SandboxID>.tar` by itself would not say whose it is;
 * - the same archives make the same bytes.
 * `splitPodTar` takes it apart again.
 * @throws PodfreightError `unsupported` when a file's name cannot be moved, or two differ in their extensions alone
 */
export async function planPodTar(group: PodGroup): Promise<PodTarPlan> {
  const { podName, namespace, podUid, sandboxId } = group;
  const parts = group.archives.map((found) => ({
    file: found.fileName,
    container: found.container.identity.containerName!,
    engine: found.container.identity.engine ?? '',
    time: wholeSeconds(timeOf(found)),
    range: archiveRange(found),
  }));
  checkEachOnce(parts);
  const modifiedAt = new Date(Math.max(0, ...parts.map(({ time }) => time.getTime())));
  const segments = await segmentsOf({ podName, namespace, podUid, sandboxId, parts, modifiedAt });
  return { segments, sizeBytes: segmentsLength(segments), modifiedAt };
}

/** Where a container archive lies in its pod's tar. */
export interface ArchivePlace {
  readonly file: string;
  readonly range: ByteRange;
}

/** Where `planPodTar` puts the archives of a pod, by what the manifest says of them. A tar made otherwise may differ. */
export async function archivePlaces(pod: ManifestPod, records: readonly ContainerRecord[]): Promise<ArchivePlace[]> {
  const parts = records.map(({ file, container, engine, checkpointedAt, sizeBytes }) => {
    const time = wholeSeconds(new Date(Date.parse(checkpointedAt) || 0));
    return { file, container, engine, time, range: { start: 0, end: sizeBytes } };
  });
  const { name: podName, namespace, uid: podUid, sandboxId } = pod;
  const segments = await segmentsOf({ podName, namespace, podUid, sandboxId, parts, modifiedAt: new Date(0) });
  const places: ArchivePlace[] = [];
  let start = 0;
  for (const segment of segments) {
    const end = start + segmentLength(segment);
    if (segment.kind === 'range') places.push({ file: parts[segment.source]!.file, range: { start, end } });
    start = end;
  }
  return places;
}

interface PodTar {
  readonly podName: string;
  readonly namespace: string;
  readonly podUid: string;
  readonly sandboxId: string;
  readonly parts: readonly ArchivePart[];
  /** Of the two files that come first. */
  readonly modifiedAt: Date;
}

interface ArchivePart {
  readonly file: string;
  readonly container: string;
  /** '' where it is not known. */
  readonly engine: string;
  readonly time: Date;
  /** Of the file. */
  readonly range: ByteRange;
}

async function segmentsOf(tar: PodTar): Promise<Segment[]> {
  const segments = [
    ...(await literalMember(POD_OPTIONS, podOptions(tar), tar.modifiedAt)),
    ...(await literalMember(POD_DUMP, podDump(tar), tar.modifiedAt)),
  ];
  for (const [source, { file, time, range }] of tar.parts.entries()) {
    const sizeBytes = rangeLength(range);
    const header = await headerOf(archiveMemberName(entryOf(file)), sizeBytes, time);
    segments.push(literal(header), { kind: 'range', source, range }, literal(padding(sizeBytes)));
  }
  segments.push(literal(END_OF_TAR));
  return segments;
}

/** The planned bytes; `sources` are the files in the plan's order. */
export async function* readSegments(
  segments: readonly Segment[],
  sources: readonly Pick<ByteSource, 'stream'>[],
): AsyncGenerator<Buffer> {
  for (const segment of segments) {
    if (segment.kind === 'literal') yield segment.bytes;
    else yield* sources[segment.source]!.stream(segment.range);
  }
}

function podOptions({ podName, namespace, podUid, sandboxId, parts }: PodTar): JsonValue {
  const engines = new Set(parts.map(({ engine }) => engine));
  const [engine = ''] = engines.size === 1 ? engines : [];
  return object({
    version: { kind: 'number', text: '1' },
    containers: texts(parts.map(({ container, file }) => [container, entryOf(file)])),
    annotations: texts([
      [POD_ANNOTATIONS.podName, podName],
      [POD_ANNOTATIONS.sandboxId, sandboxId],
      [POD_ANNOTATIONS.namespace, namespace],
      [POD_ANNOTATIONS.podUid, podUid],
      [POD_ANNOTATIONS.engine, engine],
    ]),
  });
}

function podDump({ podName, namespace, podUid }: PodTar): JsonValue {
  const metadata = texts([
    ['name', podName],
    ['uid', podUid],
    ['namespace', namespace],
  ]);
  return object({ metadata });
}

function object(fields: Readonly<Record<string, JsonValue>>): JsonValue {
  return { kind: 'object', fields: Object.entries(fields) };
}

/** Without those that are empty. */
function texts(fields: readonly (readonly [string, string])[]): JsonValue {
  const written = fields.filter(([, text]) => text !== '');
  return { kind: 'object', fields: written.map(([key, text]) => [key, { kind: 'string', text }]) };
}

/** What `pod.options` calls the archive: its file's name without the extension. */
function entryOf(fileName: string): string {
  const stem = archiveStem(fileName);
  if (stem !== undefined) return stem;
  throw new PodfreightError(
    'unsupported',
    `The checkpoint ${quoteText(fileName)} has a name that cannot be moved; rename it to letters, digits, ".", "_", "-", ":", "+" and ".tar", ".tar.zst" or ".tar.gz" at the end.`,
    { subject: { fileName } },
  );
}

function checkEachOnce(parts: readonly ArchivePart[]): void {
  const names = new Map<string, string>();
  for (const { file } of parts) {
    const other = names.get(entryOf(file));
    if (other !== undefined) {
      throw new PodfreightError(
        'unsupported',
        `Archives of one pod are called ${other} and ${file}; rename one of them.`,
        { subject: { fileName: file } },
      );
    }
    names.set(entryOf(file), file);
  }
}

async function literalMember(name: string, content: JsonValue, modifiedAt: Date): Promise<Segment[]> {
  const bytes = Buffer.from(formatJson(content));
  const header = await headerOf(name, bytes.length, modifiedAt);
  return [literal(Buffer.concat([header, bytes, padding(bytes.length)]))];
}

function headerOf(name: string, sizeBytes: number, modifiedAt: Date): Promise<Buffer> {
  return encodeHeader({ name, sizeBytes, modifiedAt }, new HeaderWalk(name));
}

function padding(sizeBytes: number): Buffer {
  return Buffer.alloc(paddedBytes(sizeBytes) - sizeBytes);
}

function literal(bytes: Buffer): Segment {
  return { kind: 'literal', bytes };
}

/** Tar keeps whole seconds. */
function wholeSeconds(time: Date): Date {
  return new Date(Math.floor(time.getTime() / 1000) * 1000);
}
