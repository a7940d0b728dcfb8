import { invalidArchive } from '../archive/refusal.ts';

/** The file's name in a container archive. */
export const STATS_DUMP = 'stats-dump';

/** Far more than its dozen numbers take. */
export const STATS_DUMP_BYTES_MAX = 64 * 1024;

/** What CRIU counted while it dumped. Times in microseconds; 0 where CRIU says nothing. */
export interface DumpStats {
  readonly freezingMicros: number;
  readonly frozenMicros: number;
  readonly memdumpMicros: number;
  readonly memwriteMicros: number;
  readonly pagesScanned: number;
  readonly pagesSkippedParent: number;
  readonly pagesWritten: number;
  readonly pagesLazy: number;
}

/** Magic of a service file, then of this one. @see criu/include/magic.h */
const SERVICE_MAGIC = 0x55105940;
const STATS_MAGIC = 0x57093306;
const HEAD_BYTES = 12;

/** Field of `stats_entry` that holds a dump's statistics, and those inside it. @see images/stats.proto */
const DUMP_FIELD = 1;
const FIELDS = {
  freezingMicros: 1,
  frozenMicros: 2,
  memdumpMicros: 3,
  memwriteMicros: 4,
  pagesScanned: 5,
  pagesSkippedParent: 6,
  pagesWritten: 7,
  pagesLazy: 9,
} as const;

/**
 * Reads `stats-dump`: two magic numbers, a length, one protobuf message. Fields it does not know are passed over.
 * @param archive its name, for messages
 * @throws PodfreightError `invalid-archive`
 */
export function readStatsDump(bytes: Buffer, archive: string): DumpStats {
  const broken = () => invalidArchive(archive, 'is no statistics file of CRIU', STATS_DUMP);
  if (bytes.length < HEAD_BYTES || bytes.readUInt32LE(0) !== SERVICE_MAGIC || bytes.readUInt32LE(4) !== STATS_MAGIC) {
    throw broken();
  }
  const message = bytes.subarray(HEAD_BYTES);
  if (bytes.readUInt32LE(8) !== message.length) throw broken();
  const dump = readMessage(message)?.get(DUMP_FIELD);
  const fields = Buffer.isBuffer(dump) ? readMessage(dump) : undefined;
  if (fields === undefined) throw broken();
  const number = (field: number) => {
    const value = fields.get(field) ?? 0;
    if (!Number.isSafeInteger(value)) throw broken();
    return value as number;
  };
  return Object.fromEntries(Object.entries(FIELDS).map(([name, field]) => [name, number(field)])) as Record<
    keyof typeof FIELDS,
    number
  >;
}

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** The last value of each field, numbers and bytes; fields of fixed length are passed over. Undefined: it is no message. */
function readMessage(message: Buffer): Map<number, number | Buffer> | undefined {
  const fields = new Map<number, number | Buffer>();
  let at = 0;
  while (at < message.length) {
    const key = readVarint(message, at);
    if (key === undefined) return undefined;
    const field = Math.floor(key.value / 8);
    const type = key.value % 8;
    at = key.end;
    if (type === FIXED64) at += 8;
    else if (type === FIXED32) at += 4;
    else {
      const number = readVarint(message, at);
      if (number === undefined || (type !== VARINT && type !== BYTES)) return undefined;
      at = number.end + (type === BYTES ? number.value : 0);
      fields.set(field, type === BYTES ? message.subarray(number.end, at) : number.value);
    }
  }
  return at === message.length ? fields : undefined;
}

/** Seven bits a byte, the lowest first, at most ten bytes. Beyond 2^53 it is no longer exact. */
function readVarint(bytes: Buffer, start: number): { value: number; end: number } | undefined {
  let value = 0;
  for (let at = start; at < Math.min(bytes.length, start + 10); at++) {
    value += (bytes[at]! & 0x7f) * 2 ** (7 * (at - start));
    if (bytes[at]! < 0x80) return { value, end: at + 1 };
  }
  return undefined;
}
