import { createHash } from 'node:crypto';
import type { ArchiveFormat } from './archive/format.ts';
import { type Archive, openArchive } from './archive/reader.ts';
import { type PodFile, writeArchive } from './archive/writer.ts';
import { formatManifest, type Manifest } from './manifest/manifest.ts';
import type { ByteSource } from './ports.ts';
import { MANIFEST_NAME, podFileName, sandboxIdOfFileName } from './sandbox-id.ts';

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
  /** Member name → SHA-256 of the pod's file, hexadecimal. May read everything. */
  digests(): Promise<ReadonlyMap<string, string>>;
  /** The archive's bytes; `onRead` is told how many bytes were taken from the source since the last call. */
  body(onRead: (bytes: number) => void): AsyncIterable<Buffer>;
  /** What `onRead` will add up to. */
  readonly readBytes: number;
}

/** An archive made of pods' files; `manifest` names exactly those. */
export function shipPods(manifest: Manifest, pods: readonly PodFile[], format: ArchiveFormat): Shipment {
  const contentBytes = pods.reduce((sum, pod) => sum + pod.sizeBytes, 0);
  const checkpointedAt = newest(pods);
  return {
    sandboxIds: pods.map((pod) => pod.sandboxId),
    checkpointedAt,
    format,
    contentBytes,
    readBytes: contentBytes,
    sizeBoundBytes: archiveBound(contentBytes, pods.length),
    digests: () => digestsOf(pods),
    body: (onRead) =>
      writeArchive({
        manifest: formatManifest(manifest),
        modifiedAt: checkpointedAt,
        pods: pods.map((pod) => metered(pod, onRead)),
        format,
      }).stream,
  };
}

/**
 * An archive that exists already. It is read through and checked once before anything is sent. One of ours goes up as it
 * is; any other is framed anew in zstd on the way, its pods' bytes unchanged, so that it can be bundled without decoding.
 * @throws PodfreightError `invalid-archive`, `invalid-manifest`, `corrupt-archive`, `unsupported`
 */
export async function shipArchive(source: ByteSource): Promise<Shipment> {
  const archive = await openArchive(source);
  const pods: (Omit<PodFile, 'read'> & { sha256: string })[] = [];
  for await (const { member, data } of archive.members()) {
    const hash = createHash('sha256');
    for await (const chunk of data) hash.update(chunk);
    const sandboxId = sandboxIdOfFileName(member.name);
    if (sandboxId !== undefined) pods.push({ ...member, sandboxId, sha256: hash.digest('hex') });
  }
  const contentBytes = pods.reduce((sum, pod) => sum + pod.sizeBytes, 0);
  const digests = new Map(pods.map((pod) => [podFileName(pod.sandboxId), pod.sha256]));
  const known = {
    sandboxIds: pods.map((pod) => pod.sandboxId),
    checkpointedAt: newest(pods),
    contentBytes,
    digests: async () => digests,
  };
  if (archive.index !== undefined) {
    return {
      ...known,
      format: archive.format,
      readBytes: source.sizeBytes,
      sizeBoundBytes: source.sizeBytes,
      async *body(onRead) {
        for await (const chunk of source.stream({ start: 0, end: source.sizeBytes })) {
          onRead(chunk.length);
          yield chunk;
        }
      },
    };
  }
  return {
    ...known,
    format: 'tar+zstd',
    readBytes: contentBytes,
    sizeBoundBytes: archiveBound(contentBytes, pods.length),
    async *body(onRead) {
      const { bytes } = await archive.manifest();
      yield* writeArchive({
        manifest: bytes,
        modifiedAt: known.checkpointedAt,
        pods: podFilesOf(archive, onRead),
        format: 'tar+zstd',
      }).stream;
    },
  };
}

/** The pods of an archive in its order; each must be read before the next is asked for. */
async function* podFilesOf(archive: Archive, onRead: (bytes: number) => void): AsyncGenerator<PodFile> {
  for await (const { member, data } of archive.members()) {
    const sandboxId = sandboxIdOfFileName(member.name);
    if (sandboxId !== undefined) yield metered({ ...member, sandboxId, read: () => data }, onRead);
    else if (member.name === MANIFEST_NAME) for await (const _ of data);
  }
}

function metered(pod: PodFile, onRead: (bytes: number) => void): PodFile {
  return {
    ...pod,
    async *read() {
      for await (const chunk of pod.read()) {
        onRead(chunk.length);
        yield chunk;
      }
    },
  };
}

async function digestsOf(pods: readonly PodFile[]): Promise<Map<string, string>> {
  const digests = new Map<string, string>();
  for (const pod of pods) {
    const hash = createHash('sha256');
    for await (const chunk of pod.read()) hash.update(chunk);
    digests.set(podFileName(pod.sandboxId), hash.digest('hex'));
  }
  return digests;
}

/** Tar keeps whole seconds. */
function newest(pods: readonly { modifiedAt: Date }[]): Date {
  return new Date(Math.floor(Math.max(0, ...pods.map((pod) => pod.modifiedAt.getTime())) / 1000) * 1000);
}

/**
 * No archive of that content is longer: zstd and gzip add less than 1 % to what they cannot compress; headers, padding,
 * manifest and index take less than 16 KiB a pod and 32 MiB in all.
 */
function archiveBound(contentBytes: number, podCount: number): number {
  return Math.ceil(contentBytes * 1.01) + podCount * 16_384 + 32 * 1024 * 1024;
}
