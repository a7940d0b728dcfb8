import type { ByteSource } from '../ports.ts';
import { readAhead } from './read-ahead.ts';
import { endsEarly } from './refusal.ts';
import { TarEnd } from './tar-end.ts';
import { BLOCK_BYTES } from './tar-header.ts';
import { TarWalk, type WalkedMember } from './tar-walk.ts';

/** One read of headers: the next small members come with it, and of a large one little is read in vain. */
const WINDOW_BYTES = 4096;

/**
 * The members of a plain tar by its headers alone: their contents are not read, so it takes the same few bytes whatever
 * their size. Padding after contents is not looked at.
 * @throws PodfreightError `invalid-archive`, and as {@link ByteSource}
 */
export async function* walkPlain(source: ByteSource): AsyncGenerator<WalkedMember> {
  const { name: archive, sizeBytes } = source;
  const walk = new TarWalk(archive);
  let window: Buffer = Buffer.alloc(0);
  let windowStart = 0;
  for (;;) {
    const blockStart = walk.offset;
    if (blockStart + BLOCK_BYTES > sizeBytes) throw endsEarly(archive, 'before the two zero blocks at its end');
    if (blockStart + BLOCK_BYTES > windowStart + window.length) {
      windowStart = blockStart;
      window = await source.read({ start: blockStart, end: Math.min(blockStart + WINDOW_BYTES, sizeBytes) });
    }
    const step = walk.feed(window.subarray(blockStart - windowStart, blockStart - windowStart + BLOCK_BYTES));
    if (step.kind === 'end') break;
    if (step.kind !== 'member') continue;
    if (step.member.end > sizeBytes) throw endsEarly(archive, `in member ${step.member.name}`);
    yield step.member;
  }
  const end = new TarEnd(archive);
  for await (const chunk of readAhead(source, { start: walk.offset, end: sizeBytes })) end.push(chunk);
  end.finish();
}
