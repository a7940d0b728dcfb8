import { pipeline, Readable } from 'node:stream';
import zlib from 'node:zlib';
import { PodfreightError } from '../errors.ts';
import { podFileName } from '../sandbox-id.ts';
import type { ArchiveFormat } from './format.ts';
import { type ArchiveIndex, encodeTrailer } from './index.ts';
import type { IndexedFormat } from './index-json.ts';
import type { IndexedMember } from './member.ts';
import {
  type EncodeOptions,
  encodeMembers,
  type MemberContent,
  manifestContent,
  type ReadInto,
} from './member-writer.ts';
import { END_OF_TAR } from './tar-encode.ts';

/** A pod's checkpoint: what becomes the member `<SandboxID>.tar`. */
export interface PodFile {
  readonly sandboxId: string;
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
  /** Exactly `sizeBytes` bytes, as {@link ReadInto}. Called once. */
  readonly read: ReadInto;
}

export interface ArchiveContent {
  /** The bytes of `checkpointed.pods`; it names exactly `pods`. */
  readonly manifest: Buffer;
  /** The manifest member's time. */
  readonly modifiedAt: Date;
  /** Each SandboxID once. One is asked for when the one before has been read. */
  readonly pods: Iterable<PodFile> | AsyncIterable<PodFile>;
  readonly format: ArchiveFormat;
}

export interface WrittenArchive {
  /** The archive's bytes, once. */
  readonly stream: AsyncIterable<Buffer>;
  /** Where everything lies, when the stream is over; undefined for gzip, which has no index. */
  index(): ArchiveIndex | undefined;
}

/** gzip is for readers that know no zstd; its fastest level takes three times as long as zstd already. */
const GZIP_LEVEL = 1;
const GZIP_CHUNK_BYTES = 1024 * 1024;

/**
 * Writes an archive in one pass, with bounded memory: the same content gives the same bytes. Times are cut to whole seconds.
 * The stream throws `source-changed` when a pod's file is shorter or longer than announced, and what `read` throws.
 * @param options.level of zstd or gzip; 1 when absent
 */
export function writeArchive(content: ArchiveContent, options: EncodeOptions = {}): WrittenArchive {
  let index: ArchiveIndex | undefined;
  let ended = false;

  async function* indexed(format: IndexedFormat): AsyncGenerator<Buffer> {
    const members: IndexedMember[] = [];
    for await (const { bytes, member } of encodeMembers(memberContents(content), format, options)) {
      yield bytes;
      if (member) members.push(member);
    }
    const trailer = await encodeTrailer(members, format);
    index = trailer.index;
    ended = true;
    yield trailer.bytes;
  }

  async function* gzipped(): AsyncGenerator<Buffer> {
    const gzip = zlib.createGzip({ level: options.level ?? GZIP_LEVEL, chunkSize: GZIP_CHUNK_BYTES });
    pipeline(Readable.from(plainTar(content), { highWaterMark: 1 }), gzip, () => {});
    yield* gzip as AsyncIterable<Buffer>;
    ended = true;
  }

  return {
    stream: content.format === 'tar+gzip' ? gzipped() : indexed(content.format),
    index() {
      if (!ended) throw new PodfreightError('internal', 'The index was asked for before the archive was written.');
      return index;
    },
  };
}

async function* plainTar(content: ArchiveContent): AsyncGenerator<Buffer> {
  for await (const { bytes } of encodeMembers(memberContents(content), 'tar')) yield bytes;
  yield END_OF_TAR;
}

async function* memberContents({ manifest, modifiedAt, pods }: ArchiveContent): AsyncGenerator<MemberContent> {
  yield manifestContent(manifest, modifiedAt);
  const names = new Set<string>();
  for await (const pod of pods) {
    const name = podFileName(pod.sandboxId);
    if (names.has(name)) throw new PodfreightError('internal', `${name} was to be written twice into one archive.`);
    names.add(name);
    yield { name, sizeBytes: pod.sizeBytes, modifiedAt: pod.modifiedAt, read: (memory) => pod.read(memory) };
  }
}
