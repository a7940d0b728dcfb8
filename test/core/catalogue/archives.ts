import { createHash } from 'node:crypto';
import type { ArchiveFormat } from '../../../core/archive/format.ts';
import { writeArchive } from '../../../core/archive/writer.ts';
import { formatManifest, type Manifest, parseManifest } from '../../../core/manifest/manifest.ts';

export interface TestPod {
  readonly sandboxId: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly image?: string;
  readonly content?: Buffer;
  readonly modifiedAt?: Date;
}

/** What a manifest says about pods that are only as interesting as their names. */
export function manifestOf(pods: readonly TestPod[]): Manifest {
  const entries = pods.map(({ sandboxId, namespace = 'default', name = sandboxId, image = 'redis:7' }) => ({
    SandboxID: sandboxId,
    'io.kubernetes.pod.uid': `uid-of-${name}`,
    'io.kubernetes.pod.name': name,
    'io.kubernetes.pod.namespace': namespace,
    Containers: [{ 'io.kubernetes.container.name': 'main', id: `c-${sandboxId}`, Image: image }],
  }));
  return parseManifest(Buffer.from(JSON.stringify({ version: 0, CheckpointedPods: entries })));
}

/** An archive of ours, whole. `manifest` only where it shall not be that of the pods. */
export async function archiveOf(
  pods: readonly TestPod[],
  { format = 'tar+zstd', manifest = manifestOf(pods) }: { format?: ArchiveFormat; manifest?: Manifest } = {},
): Promise<Buffer> {
  const modifiedAt = new Date('2026-11-22T13:20:00Z');
  const { stream } = writeArchive({
    manifest: formatManifest(manifest),
    modifiedAt,
    format,
    pods: pods.map((pod) => {
      const content = contentOf(pod);
      return {
        sandboxId: pod.sandboxId,
        sizeBytes: content.length,
        modifiedAt: pod.modifiedAt ?? modifiedAt,
        async *read() {
          yield content;
        },
      };
    }),
  });
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

export function contentOf({ sandboxId, content }: TestPod): Buffer {
  return content ?? Buffer.from(`the checkpoint of ${sandboxId}`);
}

/** Bytes that do not compress, the same each time. */
export function incompressible(sizeBytes: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(sizeBytes / 64) }, (_, i) =>
    createHash('sha512').update(`${i}`).digest(),
  );
  return Buffer.concat(blocks).subarray(0, sizeBytes);
}
