import { withBytes } from '../archive/read-ahead.ts';
import { ReadWindow } from '../archive/read-window.ts';
import { type Archive, openArchive } from '../archive/reader.ts';
import { invalidArchive } from '../archive/refusal.ts';
import { sniff } from '../archive/sniff.ts';
import { type ByteInput, type ByteStream, type TarExtent, tarParts } from '../archive/tar-parts.ts';
import { isPodfreightError, PodfreightError } from '../errors.ts';
import type { ByteSource } from '../ports.ts';
import { MANIFEST_NAME } from '../sandbox-id.ts';
import { type ContainerArchive, ContainerLook, type LookOptions } from './container-look.ts';
import { CONFIG_DUMP } from './engine-files.ts';
import { MemberNames } from './member-names.ts';
import { POD_DUMP } from './pod-files.ts';
import { type InnerArchive, type PodArchive, PodLook } from './pod-look.ts';

/** An archive of any generation: of pods with a manifest, of one pod, of one container. */
export type Checkpoint =
  | { readonly kind: 'pods'; readonly archive: Archive }
  | { readonly kind: 'pod'; readonly pod: PodArchive }
  | { readonly kind: 'container'; readonly container: ContainerArchive };

export type Looked = Exclude<Checkpoint, { kind: 'pods' }>;

/** One of them stands at the root, and says what the archive is. @see checkpointctl, DetectCheckpointArchiveType */
const TELLING: ReadonlySet<string> = new Set([MANIFEST_NAME, POD_DUMP, CONFIG_DUMP]);

/** The first read: enough for what small archives say, and for the manifest of most. */
const HEAD_BYTES = 64 * 1024;

/**
 * Looks at an archive of any generation: what it is, and unless it has a manifest, whose and how large. Nothing is unpacked.
 * Of a plain one just the headers are read, with the small members between them, and a few small files: some 200 KiB in ten
 * reads, whatever its size, and for each further large member a read of 4 KiB. A compressed one is read through once in
 * bounded memory. What is returned is whole up to its two zero blocks, except an archive with a manifest, which the strict
 * reader has yet to look at.
 * @throws PodfreightError `invalid-archive` (see {@link isNotWhole}), `corrupt-archive`, `unsupported`, and as {@link ByteSource}
 */
export async function openCheckpoint(source: ByteSource, options: LookOptions = {}): Promise<Checkpoint> {
  const { name, sizeBytes } = source;
  const head = await source.read({ start: 0, end: Math.min(HEAD_BYTES, sizeBytes) });
  const headed = withBytes(source, 0, head);
  const format = sniff(head, name);
  if (format === 'tar+zstd') {
    // One of ours tells at its end what it is.
    const archive = await openArchive(headed);
    if (archive.index) return { kind: 'pods', archive };
  }
  const looked = await look(format === 'tar' ? new ReadWindow(headed) : headed, options);
  return looked ?? { kind: 'pods', archive: await openArchive(headed) };
}

/**
 * The same of an archive that comes as a stream, as within another one. It is read to its end.
 * @throws PodfreightError `invalid-archive` also when it has a manifest, and as {@link openCheckpoint}
 */
export async function lookAtStream(stream: ByteStream, options: LookOptions = {}): Promise<Looked> {
  const looked = await look(stream, options);
  if (looked !== undefined) return looked;
  throw invalidArchive(stream.name, `it has a ${MANIFEST_NAME}, as no archive within another one has`);
}

/**
 * Reads a tar of any kind to its two zero blocks: a plain one by its headers, a compressed one whole. It cannot tell a file
 * that is being written over an older one of the same members, as CRI-O and containerd do: wait until nobody writes to it.
 * @throws PodfreightError `invalid-archive` (see {@link isNotWhole}), `corrupt-archive`, `unsupported`, and as {@link ByteSource}
 */
export async function tarExtent(source: ByteSource): Promise<TarExtent> {
  for await (const part of tarParts(new ReadWindow(source))) {
    if (part.kind === 'end') return part.extent;
  }
  throw withoutEnd(source.name);
}

/** Whether the bytes were over before the archive was: it was cut off, or is not written to its end yet. */
export function isNotWhole(error: unknown): boolean {
  return isPodfreightError(error, 'invalid-archive') && error.subject.endsEarly === true;
}

/** @returns undefined for an archive with a manifest, as soon as that is met */
async function look(input: ByteInput, options: LookOptions): Promise<Looked | undefined> {
  const { name } = input;
  const container = new ContainerLook(name, options);
  const pod = new PodLook(name, (inner) => lookInside(inner, options), options);
  const names = new MemberNames(name);
  let telling: string | undefined;
  for await (const part of tarParts(input)) {
    if (part.kind === 'end') {
      const { extent } = part;
      if (telling === POD_DUMP) return { kind: 'pod', pod: pod.finish(extent) };
      if (telling === CONFIG_DUMP) return { kind: 'container', container: { ...container.finish(), name, ...extent } };
      throw invalidArchive(name, `it has none of ${[...TELLING].join(', ')}, so it is no checkpoint archive`);
    }
    const { member, content } = part;
    names.check(member);
    if (TELLING.has(member.name)) {
      if (telling !== undefined && telling !== member.name) {
        throw invalidArchive(name, `it has both ${telling} and ${member.name}, so it may be one thing or another`);
      }
      telling = member.name;
      if (telling === MANIFEST_NAME) return undefined;
    }
    await container.see(member.name, member, content);
    if (telling !== CONFIG_DUMP) await pod.see(member, content);
  }
  throw withoutEnd(name);
}

/** A container archive in a pod archive, and nothing else. */
async function lookInside(input: ByteInput, options: LookOptions): Promise<InnerArchive> {
  const { name } = input;
  const container = new ContainerLook(name, options);
  const names = new MemberNames(name);
  for await (const part of tarParts(input)) {
    if (part.kind === 'end') return { checkpoint: container.finish(), extent: part.extent };
    const { member, content } = part;
    names.check(member);
    if (member.name !== CONFIG_DUMP && TELLING.has(member.name)) {
      throw invalidArchive(name, `it has a ${member.name}, so it is no container archive`);
    }
    await container.see(member.name, member, content);
  }
  throw withoutEnd(name);
}

/** Never: the parts of a tar end with where it ends. */
function withoutEnd(name: string): PodfreightError {
  return new PodfreightError('internal', `The tar ${name} ended without an end.`);
}
