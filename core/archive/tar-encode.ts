import { PodfreightError } from '../errors.ts';
import type { Member } from './member.ts';
import { BLOCK_BYTES } from './tar-header.ts';
import { type TarStep, TarWalk } from './tar-walk.ts';

/** The two zero blocks that end a tar. */
export const END_OF_TAR = Buffer.alloc(2 * BLOCK_BYTES);

/** What lands is the owner's alone, whatever the archive says; other readers are told the same. */
const MODE = 0o600;

/** tar-stream writes times as 32-bit integers; others go into an extended header. */
const MAX_HEADER_SECONDS = 2 ** 31 - 1;

/**
 * The header blocks of one member: 512 bytes, or more with an extended header. Mode 0600, owner 0, no names, whole seconds:
 * the same member gives the same bytes. What tar-stream wrote is read back before it is used.
 * @param walk what reads it back: it knows which names are allowed
 */
export async function encodeHeader(
  member: Member,
  walk: { readonly offset: number; feed(block: Buffer): TarStep } = new TarWalk(member.name),
): Promise<Buffer> {
  const { name, sizeBytes } = member;
  const seconds = Math.floor(member.modifiedAt.getTime() / 1000);
  const headerSeconds = Math.min(Math.max(seconds, 0), MAX_HEADER_SECONDS);
  const { default: tar } = await import('tar-stream'); // whoever only reads archives of ours does without
  const pack = tar.pack();
  const entry = pack.entry({
    ...{ name, size: sizeBytes, type: 'file', mode: MODE, uid: 0, gid: 0, mtime: new Date(headerSeconds * 1000) },
    ...(seconds !== headerSeconds && { pax: { mtime: String(seconds) } }),
  });
  // Only the headers are taken; leaving the pack then ends the entry without its content.
  entry.on('error', () => {});

  let header: Buffer = Buffer.alloc(0);
  for await (const chunk of pack as AsyncIterable<Buffer>) {
    header = Buffer.concat([header, chunk]);
    while (header.length >= walk.offset + BLOCK_BYTES) {
      const step = walk.feed(header.subarray(walk.offset, walk.offset + BLOCK_BYTES));
      if (step.kind !== 'member') continue;
      const { member: read } = step;
      const agrees = read.name === name && read.sizeBytes === sizeBytes && read.modifiedAt.getTime() === seconds * 1000;
      if (agrees && header.length === read.contentStart) return header;
      throw new PodfreightError('internal', `The tar header written for ${name} does not say what it should.`);
    }
  }
  throw new PodfreightError('internal', `No tar header was written for ${name}.`);
}
