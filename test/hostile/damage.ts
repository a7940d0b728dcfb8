import { openArchive } from '../../core/archive/reader.ts';
import { isPodfreightError } from '../../core/errors.ts';
import { MemorySource } from '../core/archive/memory-source.ts';
import { collect, readAll } from '../core/archive/sample.ts';

/** What a reader makes of an archive: manifest and pods by name. */
export type Contents = ReadonlyMap<string, Buffer>;

/**
 * `refused`; or read with the same contents, `verified` against digests or `unverified`; or, which is what nobody wants,
 * read with `other` contents.
 */
export type Fate = 'refused' | 'verified' | 'unverified' | 'other';

/** Reads everything, as an insert does. Errors that are no refusal are thrown. */
export async function fateOf(damaged: Buffer, whole: Contents): Promise<Fate> {
  try {
    const { contents, verified } = await read(damaged);
    if (!isSame(contents, whole)) return 'other';
    return verified ? 'verified' : 'unverified';
  } catch (error) {
    if (isPodfreightError(error) && error.code !== 'internal') return 'refused';
    throw error;
  }
}

export async function contentsOf(bytes: Buffer): Promise<Contents> {
  return (await read(bytes)).contents;
}

async function read(bytes: Buffer): Promise<{ contents: Contents; verified: boolean }> {
  const archive = await openArchive(new MemorySource(bytes));
  const manifest = await archive.manifest();
  const contents = await readAll(archive);
  for (const member of archive.index?.members ?? []) await collect(archive.memberData(member));
  return { contents: contents.set('checkpointed.pods', manifest.bytes), verified: archive.verified };
}

function isSame(a: Contents, b: Contents): boolean {
  return a.size === b.size && [...a].every(([name, content]) => b.get(name)?.equals(content));
}

/** How many bits or lengths had which fate, and where those are that were not refused. */
export class Tally {
  readonly counts: Record<Fate, number> = { refused: 0, verified: 0, unverified: 0, other: 0 };
  readonly accepted: { readonly at: number; readonly fate: Fate }[] = [];

  add(at: number, fate: Fate): void {
    this.counts[fate] += 1;
    if (fate !== 'refused') this.accepted.push({ at, fate });
  }

  get total(): number {
    return Object.values(this.counts).reduce((sum, count) => sum + count, 0);
  }
}

/** `bytes` with one bit the other way; bit 0 is the lowest of the first byte. */
export function flipped(bytes: Buffer, bit: number): Buffer {
  const damaged = Buffer.from(bytes);
  damaged[bit >> 3]! ^= 1 << (bit & 7);
  return damaged;
}

/** Flips `bits`, one at a time. */
export async function flipAll(bytes: Buffer, bits: Iterable<number>): Promise<Tally> {
  const whole = await contentsOf(bytes);
  const tally = new Tally();
  for (const bit of bits) tally.add(bit, await fateOf(flipped(bytes, bit), whole));
  return tally;
}

/** Cuts the archive off after each of `lengths`. */
export async function cutAll(bytes: Buffer, lengths: Iterable<number>): Promise<Tally> {
  const whole = await contentsOf(bytes);
  const tally = new Tally();
  for (const length of lengths) tally.add(length, await fateOf(bytes.subarray(0, length), whole));
  return tally;
}
