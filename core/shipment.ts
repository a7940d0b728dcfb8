import { createHash } from 'node:crypto';
import { ahead } from './archive/ahead.ts';
import type { ArchiveFormat } from './archive/format.ts';
import type { Hashing } from './archive/hashing.ts';
import { type Archive, openArchive } from './archive/reader.ts';
import { type PodFile, writeArchive } from './archive/writer.ts';
import { checkedPodTar } from './checkpoint/checked-pod-tar.ts';
import { containerRecords } from './checkpoint/container-records.ts';
import { formatManifest, type Manifest } from './manifest/manifest.ts';
import type { ByteSource } from './ports.ts';
import { cutRange } from './range.ts';
import { MANIFEST_NAME, podFileName, sandboxIdOfFileName } from './sandbox-id.ts';

/** Of a file that goes up as it is. */
const READ_BYTES = 1024 * 1024;

/** One archive about to be pushed: what its key and its upload need to know, and its bytes. */
export interface Shipment {
  readonly sandboxIds: readonly string[];
  /** The newest pod's time, in whole seconds. */
  readonly checkpointedAt: Date;
  readonly format: ArchiveFormat;
  /** Bytes of the pods' files together. */
  readonly contentBytes: number;
  /** The archive is not longer than this. */
  readonly sizeBoundBytes: number;
  /** Member name → SHA-256 of its content, hexadecimal; the manifest among them. May read everything. */
  digests(watch?: Watch): Promise<ReadonlyMap<string, string>>;
  /** The archive's bytes; each chunk is good only until the next is asked for. */
  body(watch?: Watch): AsyncIterable<Buffer>;
  /** What `body` tells `onRead` adds up to. */
  readonly readBytes: number;
}

/** For whoever waits. */
export interface Watch {
  /** Aborting it ends the reading with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** So many bytes were read since the last call. */
  readonly onRead?: ((bytes: number) => void) | undefined;
}

/** An archive made of pods' files; `manifest` names exactly those. */
export function shipPods(
  manifest: Manifest,
  pods: readonly PodFile[],
  format: ArchiveFormat,
  hashing?: Hashing,
): Shipment {
  const contentBytes = pods.reduce((sum, pod) => sum + pod.sizeBytes, 0);
  const checkpointedAt = newest(pods);
  const manifestBytes = formatManifest(manifest);
  return {
    sandboxIds: pods.map((pod) => pod.sandboxId),
    checkpointedAt,
    format,
    contentBytes,
    readBytes: contentBytes,
    sizeBoundBytes: archiveBound(contentBytes, pods.length),
    async digests(watch) {
      const digests = new Map([[MANIFEST_NAME, sha256(manifestBytes)]]);
      for (const pod of pods) digests.set(podFileName(pod.sandboxId), await digestOf(watched(pod.read(), watch)));
      return digests;
    },
    body: (watch) =>
      writeArchive(
        {
          manifest: manifestBytes,
          modifiedAt: checkpointedAt,
          pods: pods.map((pod) => ({ ...pod, read: (memory) => watched(pod.read(memory), watch) })),
          format,
        },
        { fleeting: true, hashing },
      ).stream,
  };
}

/**
 * An archive that exists already. It is read through and checked once before anything is sent. One of ours goes up as it
 * is; any other is framed anew in zstd on the way, its pods' bytes unchanged, so that it can be bundled without decoding.
 * @throws PodfreightError `invalid-archive`, `invalid-manifest`, `corrupt-archive`, `unsupported`
 */
export async function shipArchive(source: ByteSource, watch: Watch = {}): Promise<Shipment> {
  const archive = await openArchive(source);
  const { bytes: manifest, manifest: parsed } = await archive.manifest();
  const entries = new Map(parsed.pods?.map((pod) => [pod.sandboxId, pod]));
  const digests = new Map([[MANIFEST_NAME, sha256(manifest)]]);
  const pods: Omit<PodFile, 'read'>[] = [];
  for await (const { member, data, sha256 } of archive.members(undefined, { fleeting: true })) {
    const { name, sizeBytes, modifiedAt } = member;
    const sandboxId = sandboxIdOfFileName(name)!;
    pods.push({ sandboxId, sizeBytes, modifiedAt });
    const entry = entries.get(sandboxId);
    const records = entry && containerRecords(entry);
    const chunks = watched(data, watch);
    const checked = records ? checkedPodTar({ name: `${source.name}: ${name}`, chunks }, records) : chunks;
    digests.set(name, await digestOf(checked, sha256));
  }
  const contentBytes = pods.reduce((sum, pod) => sum + pod.sizeBytes, 0);
  const checkpointedAt = newest(pods);
  const known = {
    sandboxIds: pods.map((pod) => pod.sandboxId),
    checkpointedAt,
    contentBytes,
    digests: async () => digests,
  };
  if (archive.index !== undefined) {
    return {
      ...known,
      format: archive.format,
      readBytes: source.sizeBytes,
      sizeBoundBytes: source.sizeBytes,
      body: (watch) => watched(wholeSource(source), watch),
    };
  }
  return {
    ...known,
    format: 'tar+zstd',
    readBytes: contentBytes,
    sizeBoundBytes: archiveBound(contentBytes, pods.length),
    body: (watch) =>
      writeArchive(
        { manifest, modifiedAt: checkpointedAt, pods: podFilesOf(archive, watch), format: 'tar+zstd' },
        { fleeting: true },
      ).stream,
  };
}

/** In memory that is used again, while the next bytes are read into another. */
function wholeSource(source: ByteSource): AsyncIterable<Buffer> {
  const memory = [0, 1].map(() => Buffer.allocUnsafeSlow(READ_BYTES));
  async function* pieces() {
    let turn = 0;
    for (const piece of cutRange({ start: 0, end: source.sizeBytes }, READ_BYTES)) {
      turn += 1;
      yield await source.read(piece, memory[turn % memory.length]);
    }
  }
  return ahead(pieces());
}

/** The pods of an archive in its order; each must be read before the next is asked for. */
async function* podFilesOf(archive: Archive, watch?: Watch): AsyncGenerator<PodFile> {
  for await (const { member, data } of archive.members(undefined, { fleeting: true })) {
    const sandboxId = sandboxIdOfFileName(member.name);
    if (sandboxId !== undefined) yield { ...member, sandboxId, read: () => watched(data, watch) };
  }
}

async function* watched(data: AsyncIterable<Buffer>, { signal, onRead }: Watch = {}): AsyncGenerator<Buffer> {
  for await (const chunk of data) {
    signal?.throwIfAborted();
    onRead?.(chunk.length);
    yield chunk;
  }
}

/** @param known what it is if `data` ends at all */
async function digestOf(data: AsyncIterable<Buffer>, known?: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of data) if (known === undefined) hash.update(chunk);
  return known ?? hash.digest('hex');
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Tar keeps whole seconds. */
function newest(pods: readonly { modifiedAt: Date }[]): Date {
  const seconds = pods.reduce((latest, pod) => Math.max(latest, Math.floor(pod.modifiedAt.getTime() / 1000)), 0);
  return new Date(seconds * 1000);
}

/**
 * No archive of that content is longer: zstd and gzip add less than 1 % to what they cannot compress; headers, padding,
 * manifest and index take less than 16 KiB a pod and 32 MiB in all.
 */
function archiveBound(contentBytes: number, podCount: number): number {
  return Math.ceil(contentBytes * 1.01) + podCount * 16_384 + 32 * 1024 * 1024;
}
