import { createHash } from 'node:crypto';
import type { ArchiveFormat } from '../archive/format.ts';
import type { Hashing } from '../archive/hashing.ts';
import type { PodFile } from '../archive/writer.ts';
import { PodfreightError } from '../errors.ts';
import type { ManifestPod } from '../manifest/manifest.ts';
import type { ByteSource } from '../ports.ts';
import { type Shipment, shipPods, type Watch } from '../shipment.ts';
import { podEntry } from './pod-entry.ts';
import { archiveRange, type FoundArchive, type PodGroup } from './pod-groups.ts';
import { planPodTar, readSegments } from './pod-tar.ts';

/** A container archive in a kubelet's directory, open. */
export interface OpenArchive extends FoundArchive {
  /** Only streamed. */
  readonly source: Pick<ByteSource, 'name' | 'stream'>;
}

/** A pod made of container archives: its entry in the manifest, and its file. */
export interface ContainersPod {
  readonly entry: ManifestPod;
  readonly file: PodFile;
}

/**
 * An archive of one pod made of its containers' archives, one of each container (`newestOfEach`, `roundsOf`). They are read
 * as they are, without what lies behind their ends.
 * @param digests file name → SHA-256 of the archive's own bytes, as {@link archiveDigest} tells; they go into the manifest,
 *   and reading other bytes throws `source-changed`
 * @throws PodfreightError `unsupported` when a file's name cannot be moved
 */
export async function shipContainers(
  group: PodGroup<OpenArchive>,
  digests: ReadonlyMap<string, string>,
  format: ArchiveFormat,
  hashing?: Hashing,
): Promise<Shipment> {
  const { entry, file } = await podOfContainers(group, digests);
  return shipPods({ version: 0n, pods: [entry], unknown: [] }, [file], format, hashing);
}

/** The same without an archive around it, with the same parameters. @throws as {@link shipContainers} */
export async function podOfContainers(
  group: PodGroup<OpenArchive>,
  digests: ReadonlyMap<string, string>,
): Promise<ContainersPod> {
  const { segments, sizeBytes, modifiedAt } = await planPodTar(group);
  const sources = group.archives.map((found) => proven(found, digests.get(found.fileName)));
  const read = () => readSegments(segments, sources);
  return { entry: podEntry(group, digests), file: { sandboxId: group.sandboxId, sizeBytes, modifiedAt, read } };
}

/** SHA-256 of the archive's own bytes, hexadecimal. @throws what the source throws, and the signal's reason */
export async function archiveDigest(found: OpenArchive, { signal, onRead }: Watch = {}): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of found.source.stream(archiveRange(found))) {
    signal?.throwIfAborted();
    onRead?.(chunk.length);
    hash.update(chunk);
  }
  return hash.digest('hex');
}

/** Streams only what has the digest: what the manifest says of an archive must be right when its file is long gone. */
function proven({ source, fileName }: OpenArchive, sha256: string | undefined): Pick<ByteSource, 'stream'> {
  return {
    async *stream(range) {
      const hash = createHash('sha256');
      for await (const chunk of source.stream(range)) {
        hash.update(chunk);
        yield chunk;
      }
      if (sha256 === undefined || hash.digest('hex') === sha256) return;
      throw new PodfreightError('source-changed', `${source.name} changed after it was looked at; try again.`, {
        subject: { path: source.name, fileName },
      });
    },
  };
}
