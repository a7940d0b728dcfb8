import { type Codec, int64, invalidManifest, list, struct, text, type WithUnknown } from '../manifest/codec.ts';
import type { JsonField } from '../manifest/json.ts';
import type { ManifestPod } from '../manifest/manifest.ts';
import { quoteText } from '../manifest/quote.ts';
import { MANIFEST_NAME } from '../sandbox-id.ts';
import { archiveStem } from './archive-file-name.ts';

/** The field of a pod's entry in `checkpointed.pods` that says which container archives its file holds. */
export const CONTAINER_ARCHIVES = 'podfreight.containerArchives';

/**
 * One container archive in a `<SandboxID>.tar`, as the pod's entry in the manifest tells of it. What its engine did not record
 * is '', and 0 bytes are as good as none. docs/format.md, "Container archives".
 */
export interface ContainerRecord extends WithUnknown {
  /** Its name in the kubelet's directory. */
  readonly file: string;
  /** The container's name within the pod. */
  readonly container: string;
  readonly containerId: string;
  readonly engine: string;
  readonly runtime: string;
  readonly image: string;
  /** Of the image's manifest, as in `sha256:…`. */
  readonly imageDigest: string;
  /** ISO 8601 in UTC. */
  readonly createdAt: string;
  readonly checkpointedAt: string;
  readonly restoredAt: string;
  /** `tar`, `tar+zstd`, `tar+gzip`. */
  readonly format: string;
  /** Of the archive. */
  readonly sizeBytes: number;
  /** Of CRIU's images in it. */
  readonly checkpointBytes: number;
  /** Of the changes to the root file system in it. */
  readonly rootfsDiffBytes: number;
  /** Of the archive: 64 lower-case hexadecimal digits. */
  readonly sha256: string;
}

/** Bytes: an integer from 0 to 2^53-1. */
const size: Codec<number> = {
  zero: 0,
  read(value, place, previous) {
    const bytes = Number(int64.read(value, place, BigInt(previous)));
    if (Number.isSafeInteger(bytes) && bytes >= 0) return bytes;
    throw invalidManifest(place.file, `${place.path} must be from 0 to 2^53-1`, { path: place.path });
  },
  write: (value) => int64.write(BigInt(value)),
  isEmpty: (value) => value === 0,
};

const records = list(
  struct<ContainerRecord>({
    file: { key: 'file', codec: text, always: true },
    container: { key: 'container', codec: text, always: true },
    containerId: { key: 'containerId', codec: text },
    engine: { key: 'engine', codec: text },
    runtime: { key: 'runtime', codec: text },
    image: { key: 'image', codec: text },
    imageDigest: { key: 'imageDigest', codec: text },
    createdAt: { key: 'createdAt', codec: text },
    checkpointedAt: { key: 'checkpointedAt', codec: text },
    restoredAt: { key: 'restoredAt', codec: text },
    format: { key: 'format', codec: text, always: true },
    sizeBytes: { key: 'sizeBytes', codec: size, always: true },
    checkpointBytes: { key: 'checkpointBytes', codec: size },
    rootfsDiffBytes: { key: 'rootfsDiffBytes', codec: size },
    sha256: { key: 'sha256', codec: text },
  }),
);

/** The field as it stands in `ManifestPod.unknown`. */
export function recordsField(containers: readonly ContainerRecord[]): JsonField {
  return [CONTAINER_ARCHIVES, records.write(containers)];
}

/**
 * Which container archives the pod's file holds, in their order; undefined for a pod of another kind, whose file is what its
 * engine wrote. File names are safe, each once, and so is each container.
 * @param file what messages call the manifest
 * @throws PodfreightError `invalid-manifest`
 */
export function containerRecords(pod: ManifestPod, file = MANIFEST_NAME): readonly ContainerRecord[] | undefined {
  const [field, second] = pod.unknown.filter(([key]) => key === CONTAINER_ARCHIVES);
  if (field === undefined) return undefined;
  const path = `"${CONTAINER_ARCHIVES}" of pod ${pod.sandboxId}`;
  const refuse = (problem: string) => invalidManifest(file, `${path} ${problem}`, { path });
  if (second !== undefined) throw refuse('is there twice');
  const read = records.read(field[1], { file, path }, []);
  if (read.length === 0) throw refuse('names no archive');
  const names = new Set<string>();
  for (const record of read) {
    const { file: name, container, sha256 } = record;
    const stem = archiveStem(name);
    if (stem === undefined) throw refuse(`has the file name ${quoteText(name)}, which is not allowed`);
    if (container === '') throw refuse(`has a file ${name} without a container`);
    if (sha256 !== '' && !/^[0-9a-f]{64}$/.test(sha256)) throw refuse(`has a broken SHA-256 for ${name}`);
    for (const key of [`file ${name}`, `name ${stem}`, `container ${quoteText(container)}`]) {
      if (names.has(key)) throw refuse(`has the ${key} twice`);
      names.add(key);
    }
  }
  return read;
}
