import type { ArchiveFormat } from '../../../core/archive/format.ts';
import type { Archive } from '../../../core/archive/reader.ts';
import type { PodFile } from '../../../core/archive/writer.ts';
import { type WrittenArchive, writeArchive } from '../../../core/archive/writer.ts';

export const MODIFIED_AT = new Date('2026-11-22T13:25:02Z');

/** Content that compresses to about a half and repeats nowhere at once. */
export function content(sizeBytes: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  let state = seed;
  for (let at = 0; at < sizeBytes; at++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    bytes[at] = (state >>> 20) & 0x0f;
  }
  return bytes;
}

export function manifestOf(sandboxIds: readonly string[]): Buffer {
  const CheckpointedPods = sandboxIds.map((SandboxID) => ({ SandboxID, Containers: [] }));
  return Buffer.from(JSON.stringify({ version: 0, CheckpointedPods }, null, 2));
}

export function podFile(sandboxId: string, bytes: Buffer, chunkBytes = bytes.length): PodFile {
  return { sandboxId, sizeBytes: bytes.length, modifiedAt: MODIFIED_AT, read: () => inChunks(bytes, chunkBytes) };
}

export async function* inChunks(bytes: Buffer, chunkBytes: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}

export async function collect(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(Buffer.from(chunk)); // it may be good only until the next is asked for
  return Buffer.concat(all);
}

/** An archive of ours in memory. */
export async function archiveOf(
  pods: Readonly<Record<string, Buffer>>,
  format: ArchiveFormat,
): Promise<{ bytes: Buffer; written: WrittenArchive }> {
  const written = writeArchive({
    manifest: manifestOf(Object.keys(pods)),
    modifiedAt: MODIFIED_AT,
    pods: Object.entries(pods).map(([sandboxId, bytes]) => podFile(sandboxId, bytes)),
    format,
  });
  return { bytes: await collect(written.stream), written };
}

/** Name and content of every pod's member, by one whole pass. */
export async function readAll(archive: Archive): Promise<Map<string, Buffer>> {
  const members = new Map<string, Buffer>();
  for await (const { member, data } of archive.members()) members.set(member.name, await collect(data));
  return members;
}
