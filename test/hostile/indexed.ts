import { encodeIndexFrame } from '../../core/archive/index-frame.ts';
import { encodeSeekTable } from '../../core/archive/seek-table.ts';
import { archiveOf } from '../core/archive/sample.ts';
import { podContent } from './tar-bytes.ts';

/** One entry of an index, free to say anything. */
// biome-ignore lint/suspicious/noExplicitAny: lies have no type
export type Lie = any;

/** An archive of ours taken apart. */
export interface Ours {
  readonly format: 'tar' | 'tar+zstd';
  /** Members and the end of the tar. */
  readonly wire: Buffer;
  /** Where the end of the tar begins. */
  readonly endStart: number;
  /** The index's JSON. */
  readonly json: Lie;
}

export async function ours(format: 'tar' | 'tar+zstd', ...sandboxIds: readonly string[]): Promise<Ours> {
  const pods = Object.fromEntries(sandboxIds.map((id) => [id, Buffer.from(podContent(id))]));
  const { bytes, written } = await archiveOf(pods, format);
  const { endOfTar } = written.index()!;
  const frame = bytes.subarray(endOfTar.end);
  const json = JSON.parse(frame.toString('utf8', 8, 4 + frame.readUInt32LE(4) - 16));
  return { format, wire: bytes.subarray(0, endOfTar.end), endStart: endOfTar.start, json };
}

/**
 * The archive with another index.
 * @param text of the index
 * @param seekEntries of zstd; those that fit the index when absent
 */
export function withIndex(archive: Ours, text: string, seekEntries?: (entries: SeekEntries) => SeekEntries): Buffer {
  const frame = encodeIndexFrame(text);
  if (archive.format === 'tar') return Buffer.concat([archive.wire, frame]);
  const fitting = entriesOf(archive, JSON.parse(text), frame.length);
  const entries = seekEntries?.(fitting) ?? fitting;
  return Buffer.concat([archive.wire, frame, encodeSeekTable(entries, entries.length)]);
}

export type SeekEntries = { compressedBytes: number; decompressedBytes: number }[];

function entriesOf({ wire, endStart }: Ours, json: Lie, indexBytes: number): SeekEntries {
  const ofMembers: SeekEntries = [];
  for (const { frames, headerBytes, sizeBytes } of Array.isArray(json?.members) ? json.members : []) {
    const total = headerBytes + Math.ceil(sizeBytes / 512) * 512;
    for (const [i, compressedBytes] of (Array.isArray(frames) ? frames : []).entries()) {
      const decompressedBytes = Math.min(json.frameBytes, total - i * json.frameBytes);
      ofMembers.push({ compressedBytes: uint32(compressedBytes), decompressedBytes: uint32(decompressedBytes) });
    }
  }
  return [
    ...ofMembers,
    { compressedBytes: wire.length - endStart, decompressedBytes: 1024 },
    { compressedBytes: indexBytes, decompressedBytes: 0 },
  ];
}

function uint32(value: number): number {
  return Number.isInteger(value) && value >= 0 && value < 2 ** 32 ? value : 0;
}
