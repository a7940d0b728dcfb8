import { writeFile } from 'node:fs/promises';
import type { ArchiveFormat } from '../../core/archive/format.ts';
import { writeArchive } from '../../core/archive/writer.ts';
import { formatManifest, type ManifestPod } from '../../core/manifest/manifest.ts';
import { manifest } from '../cli/pods.ts';

/** A pod's entry and its file's text. */
export interface TextPod {
  readonly entry: ManifestPod;
  readonly text: string;
}

const MODIFIED_AT = new Date('2026-11-22T13:20:00Z');

/** Writes an archive of small pods. */
export async function writeBundle(path: string, pods: readonly TextPod[], format: ArchiveFormat = 'tar+zstd') {
  const { stream } = writeArchive({
    manifest: formatManifest(manifest(...pods.map(({ entry }) => entry))),
    modifiedAt: MODIFIED_AT,
    pods: pods.map(({ entry: { sandboxId }, text }) => ({
      sandboxId,
      sizeBytes: Buffer.byteLength(text),
      modifiedAt: MODIFIED_AT,
      async *read() {
        yield Buffer.from(text);
      },
    })),
    format,
  });
  await writeFile(path, stream);
}
