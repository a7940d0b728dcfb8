import { HeaderWalk } from '../archive/header-walk.ts';
import { END_OF_TAR, encodeHeader } from '../archive/tar-encode.ts';
import { paddedBytes } from '../archive/tar-header.ts';
import type { Segment } from '../bundle/plan.ts';
import { segmentsLength } from '../bundle/segments.ts';
import { PodfreightError } from '../errors.ts';
import type { JsonValue } from '../manifest/json.ts';
import { formatJson } from '../manifest/json-format.ts';
import { quoteText } from '../manifest/quote.ts';
import type { ByteSource } from '../ports.ts';
import { rangeLength } from '../range.ts';
import { archiveMemberName, archiveStem } from './archive-file-name.ts';
import { POD_ANNOTATIONS, POD_DUMP, POD_OPTIONS } from './pod-files.ts';
import { archiveRange, type FoundArchive, type PodGroup, timeOf } from './pod-groups.ts';

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
  const { archives } = group;
  checkEachOnce(archives);
  const times = archives.map((found) => wholeSeconds(timeOf(found)));
  const modifiedAt = new Date(Math.max(0, ...times.map((time) => time.getTime())));
  const segments = [
    ...(await literalMember(POD_OPTIONS, podOptions(group), modifiedAt)),
    ...(await literalMember(POD_DUMP, podDump(group), modifiedAt)),
  ];
  for (const [source, found] of archives.entries()) {
    const range = archiveRange(found);
    const sizeBytes = rangeLength(range);
    const header = await headerOf(archiveMemberName(entryOf(found)), sizeBytes, times[source]!);
    segments.push(literal(header), { kind: 'range', source, range }, literal(padding(sizeBytes)));
  }
  segments.push(literal(END_OF_TAR));
  return { segments, sizeBytes: segmentsLength(segments), modifiedAt };
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

function podOptions({ podName, namespace, podUid, sandboxId, archives }: PodGroup): JsonValue {
  const engines = new Set(archives.map(({ container }) => container.identity.engine));
  const [engine] = engines.size === 1 ? engines : [];
  return object({
    version: { kind: 'number', text: '1' },
    containers: texts(archives.map((found) => [found.container.identity.containerName!, entryOf(found)])),
    annotations: texts([
      [POD_ANNOTATIONS.podName, podName],
      [POD_ANNOTATIONS.sandboxId, sandboxId],
      [POD_ANNOTATIONS.namespace, namespace],
      [POD_ANNOTATIONS.podUid, podUid],
      [POD_ANNOTATIONS.engine, engine ?? ''],
    ]),
  });
}

function podDump({ podName, namespace, podUid }: PodGroup): JsonValue {
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
function entryOf({ fileName }: FoundArchive): string {
  const stem = archiveStem(fileName);
  if (stem !== undefined) return stem;
  throw new PodfreightError(
    'unsupported',
    `The checkpoint ${quoteText(fileName)} has a name that cannot be moved; rename it to letters, digits, ".", "_", "-", ":", "+" and ".tar", ".tar.zst" or ".tar.gz" at the end.`,
    { subject: { fileName } },
  );
}

function checkEachOnce(archives: readonly FoundArchive[]): void {
  const names = new Map<string, string>();
  for (const found of archives) {
    const other = names.get(entryOf(found));
    if (other !== undefined) {
      throw new PodfreightError(
        'unsupported',
        `Archives of one pod are called ${other} and ${found.fileName}; rename one of them.`,
        { subject: { fileName: found.fileName } },
      );
    }
    names.set(entryOf(found), found.fileName);
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
