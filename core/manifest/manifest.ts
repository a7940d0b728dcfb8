import { containerRecords } from '../checkpoint/container-records.ts';
import { PodfreightError } from '../errors.ts';
import { isSandboxId, MANIFEST_NAME } from '../sandbox-id.ts';
import { int32, int64, invalidManifest, list, nullable, struct, text, type WithUnknown } from './codec.ts';
import { JSON_BYTES_MAX, JsonError, type JsonValue, parseJson } from './json.ts';
import { formatJson } from './json-format.ts';
import { quoteText } from './quote.ts';

/**
 * The contents of `checkpointed.pods`. Names and types are those of the first checkpointctl; a string that is not there is
 * '', a number 0. What it does not know is kept in `unknown`.
 */
export interface Manifest extends WithUnknown {
  readonly version: bigint;
  /** null as the old tool wrote it for none. */
  readonly pods: readonly ManifestPod[] | null;
}

export interface ManifestPod extends WithUnknown {
  readonly uid: string;
  readonly sandboxId: string;
  readonly name: string;
  /** Seconds. */
  readonly terminationGracePeriod: bigint;
  readonly namespace: string;
  readonly configSource: string;
  readonly configSeen: string;
  readonly manager: string;
  /** null as the old tool wrote it for none. */
  readonly containers: readonly ManifestContainer[] | null;
  readonly hostIP: string;
  readonly podIP: string;
  readonly podIPs: readonly string[];
}

export interface ManifestContainer extends WithUnknown {
  readonly name: string;
  readonly id: string;
  readonly terminationMessagePath: string;
  readonly terminationMessagePolicy: string;
  readonly restartCount: number;
  readonly terminationMessagePathUID: string;
  readonly image: string;
}

const container = struct<ManifestContainer>({
  name: { key: 'io.kubernetes.container.name', codec: text },
  id: { key: 'id', codec: text },
  terminationMessagePath: { key: 'io.kubernetes.container.terminationMessagePath', codec: text },
  terminationMessagePolicy: { key: 'io.kubernetes.container.terminationMessagePolicy', codec: text },
  restartCount: { key: 'io.kubernetes.container.restartCount', codec: int32 },
  terminationMessagePathUID: { key: 'terminationMessagePathUID', codec: text },
  image: { key: 'Image', codec: text, always: true },
});

const pod = struct<ManifestPod>({
  uid: { key: 'io.kubernetes.pod.uid', codec: text },
  sandboxId: { key: 'SandboxID', codec: text },
  name: { key: 'io.kubernetes.pod.name', codec: text },
  terminationGracePeriod: { key: 'io.kubernetes.pod.terminationGracePeriod', codec: int64 },
  namespace: { key: 'io.kubernetes.pod.namespace', codec: text },
  configSource: { key: 'kubernetes.io/config.source', codec: text },
  configSeen: { key: 'kubernetes.io/config.seen', codec: text },
  manager: { key: 'io.container.manager', codec: text },
  containers: { key: 'Containers', codec: nullable(list(container)), always: true },
  hostIP: { key: 'hostIP', codec: text },
  podIP: { key: 'podIP', codec: text },
  podIPs: { key: 'podIPs', codec: list(text) },
});

const manifestCodec = struct<Manifest>({
  version: { key: 'version', codec: int64, always: true },
  pods: { key: 'CheckpointedPods', codec: nullable(list(pod)), always: true },
});

/**
 * Reads a manifest as Go's encoding/json reads it into checkpointctl's struct: names in any case, the last of duplicates,
 * `null` for nothing. Stricter than that: UTF-8 must be valid, sizes are bounded (json.ts), and a list given
 * twice is the last one alone, where Go lets the first shine through. Says nothing about SandboxIDs: see `checkManifest`.
 * @param file what the message calls it
 * @throws PodfreightError `invalid-manifest`
 * @see https://github.com/checkpoint-restore/checkpointctl/blob/e96e86c/lib/metadata.go
 */
export function parseManifest(bytes: Uint8Array, file = MANIFEST_NAME): Manifest {
  return manifestCodec.read(parse(bytes, file), { file, path: '' }, manifestCodec.zero);
}

function parse(bytes: Uint8Array, file: string): JsonValue {
  try {
    return parseJson(bytes);
  } catch (error) {
    if (error instanceof JsonError) throw invalidManifest(file, `its JSON has ${error.message}`);
    throw error;
  }
}

/**
 * What must hold before a SandboxID is used: every pod has one, it is safe as a file name, and none comes twice. And what
 * entries say of container archives must be right.
 * @param file what the message calls it
 * @throws PodfreightError `invalid-manifest`
 */
export function checkManifest(manifest: Manifest, file = MANIFEST_NAME): void {
  const seen = new Map<string, number>();
  for (const [i, pod] of (manifest.pods ?? []).entries()) {
    const { sandboxId } = pod;
    const path = `CheckpointedPods[${i}]`;
    if (sandboxId === '') throw invalidManifest(file, `${path} has no SandboxID`, { path });
    if (!isSandboxId(sandboxId)) {
      const shown = quoteText(sandboxId);
      throw invalidManifest(file, `${path} has the SandboxID ${shown}, which cannot be a file name`, { path });
    }
    const first = seen.get(sandboxId);
    if (first !== undefined) {
      throw invalidManifest(file, `${path} has the same SandboxID ${sandboxId} as CheckpointedPods[${first}]`, {
        path,
      });
    }
    seen.set(sandboxId, i);
    containerRecords(pod, file);
  }
}

/**
 * The bytes checkpointctl writes for what it knows, and unknown fields after the known ones of the same object.
 * @throws PodfreightError `unsupported` when they would be too many to be read again
 */
export function formatManifest(manifest: Manifest): Buffer {
  const bytes = Buffer.from(formatJson(manifestCodec.write(manifest)));
  if (bytes.length > JSON_BYTES_MAX) {
    throw new PodfreightError(
      'unsupported',
      `The manifest of ${manifest.pods?.length ?? 0} pods would be ${bytes.length} bytes, and ${JSON_BYTES_MAX} is the limit; take fewer pods.`,
    );
  }
  return bytes;
}

/** The bytes of one pod's entry as `formatManifest` writes them: equal for equal entries. */
export function formatPod(entry: ManifestPod): string {
  return formatJson(pod.write(entry));
}
