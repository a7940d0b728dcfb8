import { manifestOf } from '../core/archive/sample.ts';
import { file, header } from '../core/archive/tar-sample.ts';

export { base256, END, file, header, longName, padded, pax, paxRecord } from '../core/archive/tar-sample.ts';

/** Fields of a header block that the builder has no word for: where they start and end. @see POSIX.1-2017, pax */
const FIELDS = {
  name: [0, 100],
  mode: [100, 108],
  uid: [108, 116],
  gid: [116, 124],
  checksum: [148, 156],
  linkName: [157, 257],
  magic: [257, 265],
  uname: [265, 297],
  gname: [297, 329],
  devMajor: [329, 337],
  devMinor: [337, 345],
  prefix: [345, 500],
  end: [500, 512],
} as const;

export type FieldName = keyof typeof FIELDS;

/** `tar`, whose first header has `value` in this field, filled up with NULs; its checksum is right again. */
export function withField(tar: Buffer, field: FieldName, value: Buffer | string): Buffer {
  const [start, end] = FIELDS[field];
  const bytes = Buffer.from(tar);
  bytes.fill(0, start, end);
  Buffer.from(value as string, 'latin1').copy(bytes, start, 0, end - start);
  if (field !== 'checksum')
    seal(
      bytes,
      checksumOf(bytes, (byte) => byte),
    );
  return bytes;
}

/** The same with the sum of signed bytes, as tar on some old systems wrote it. */
export function withSignedChecksum(tar: Buffer): Buffer {
  const bytes = Buffer.from(tar);
  seal(
    bytes,
    checksumOf(bytes, (byte) => (byte << 24) >> 24),
  );
  return bytes;
}

function checksumOf(tar: Buffer, weigh: (byte: number) => number): number {
  const [start, end] = FIELDS.checksum;
  return tar.subarray(0, 512).reduce((sum, byte, at) => sum + weigh(at >= start && at < end ? 0x20 : byte), 0);
}

function seal(tar: Buffer, sum: number): void {
  tar.write(`${sum.toString(8).padStart(6, '0')}\0 `, FIELDS.checksum[0], 'latin1');
}

/** The manifest's member: it names these pods. */
export function manifestFile(...sandboxIds: readonly string[]): Buffer {
  return file('checkpointed.pods', manifestOf(sandboxIds));
}

export function podContent(sandboxId: string): string {
  return `the memory of ${sandboxId}, which nobody else may see`;
}

/** The member of a pod. */
export function podFile(sandboxId: string, fields: Parameters<typeof file>[2] = {}): Buffer {
  return file(`${sandboxId}.tar`, podContent(sandboxId), fields);
}

/** A member without content, such as a link. */
export function special(type: string, name: string, linkName = ''): Buffer {
  return header({ name, type, linkName });
}

/** What every hostile tar begins with: a manifest that names a1, and a1. */
export const GOOD_START: readonly Buffer[] = [manifestFile('a1'), podFile('a1')];
