import { createHash } from 'node:crypto';
import { openCheckpoint } from '../../core/checkpoint/checkpoint.ts';
import { formatKubeletFileName } from '../../core/checkpoint/kubelet-file-name.ts';
import { archiveRange, type FoundArchive } from '../../core/checkpoint/pod-groups.ts';
import { parseRfc3339 } from '../../core/checkpoint/rfc3339.ts';
import type { ByteSource } from '../../core/ports.ts';
import type { SampleContainer } from './container.ts';
import { crioArchive } from './cri-o.ts';
import { type Piece, PieceSource } from './pieces.ts';

/** A container archive as it lies in a kubelet's directory, looked at. */
export interface SampleFile extends FoundArchive {
  readonly source: ByteSource;
}

/** The name that the kubelet gives to this checkpoint. */
export function fileNameOf(sample: SampleContainer): string {
  const { instant, offsetMinutes } = parseRfc3339(sample.checkpointedAt)!;
  return formatKubeletFileName(sample, {
    instant: new Date(Math.floor(instant.getTime() / 1000) * 1000),
    offsetMinutes,
  });
}

export async function sampleFile(
  sample: SampleContainer,
  pieces: readonly Piece[] = crioArchive(sample),
): Promise<SampleFile> {
  const fileName = fileNameOf(sample);
  const source = new PieceSource(pieces, fileName);
  const checkpoint = await openCheckpoint(source);
  if (checkpoint.kind !== 'container') throw new Error(`${fileName} is no container archive`);
  return { fileName, sizeBytes: source.sizeBytes, container: checkpoint.container, source };
}

/** File name → SHA-256 of the archive's own bytes. */
export async function digestsOf(files: readonly SampleFile[]): Promise<Map<string, string>> {
  const digests = new Map<string, string>();
  for (const file of files) {
    const hash = createHash('sha256');
    for await (const chunk of file.source.stream(archiveRange(file))) hash.update(chunk);
    digests.set(file.fileName, hash.digest('hex'));
  }
  return digests;
}
