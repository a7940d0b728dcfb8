import { Readable } from 'node:stream';
import type tar from 'tar-stream';
import { PodfreightError } from '../errors.ts';
import { Content } from './content.ts';
import { invalidArchive } from './refusal.ts';
import { TarGuard } from './tar-guard.ts';
import type { WalkedMember } from './tar-walk.ts';

export interface StreamedMember {
  readonly member: WalkedMember;
  /** The content, once. What is not read before the next member is asked for, is passed over. */
  readonly data: AsyncIterable<Buffer>;
}

/** Without a magic is the format before POSIX, which the guard knows. The option is missing from tar-stream's types. */
const EXTRACT_OPTIONS: Parameters<typeof tar.extract>[0] & { allowUnknownFormat: boolean } = {
  allowUnknownFormat: true,
};

/**
 * The members of a tar that comes as a stream, in order. tar-stream takes it apart behind a {@link TarGuard}, which refuses
 * before tar-stream sees anything; the two must agree on every name, size and offset, or the tar reads differently to
 * different readers and is refused. Chunks of about 1 MiB are several times faster than small ones.
 * @param archive its name, for messages
 * @throws PodfreightError `invalid-archive`, and whatever `chunks` throws
 */
export async function* tarMembers(chunks: AsyncIterable<Buffer>, archive: string): AsyncGenerator<StreamedMember> {
  const guard = new TarGuard(archive);
  const { default: tar } = await import('tar-stream'); // archives of ours do without
  const extract = tar.extract(EXTRACT_OPTIONS);
  const source = Readable.from(guarded(chunks, guard), { highWaterMark: 1 });
  source.on('error', (error) => extract.destroy(error));
  source.pipe(extract);
  try {
    for await (const entry of extract) {
      const expected = guard.take();
      if (!agree(expected, entry.header)) throw disagreement(archive, entry.header.name);
      if (expected.kind === 'root') {
        entry.resume();
        continue;
      }
      const { member } = expected;
      const content = new Content(entry as AsyncIterable<Buffer>);
      yield { member, data: content.read() };
      await content.finish();
      if (content.sizeBytes !== member.sizeBytes) throw disagreement(archive, member.rawName);
    }
    const missed = guard.take();
    if (missed) throw disagreement(archive, missed.kind === 'root' ? missed.rawName : missed.member.rawName);
  } catch (error) {
    if (error instanceof PodfreightError) throw error;
    // The guard let pass what tar-stream cannot read.
    throw source.errored ?? disagreement(archive);
  } finally {
    source.destroy();
    extract.destroy();
  }
}

async function* guarded(chunks: AsyncIterable<Buffer>, guard: TarGuard): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    const allowed = guard.push(chunk);
    if (allowed.length > 0) yield allowed;
  }
  guard.finish();
}

/** Missing from tar-stream's types: where the content begins. */
type SeenHeader = tar.Header & { readonly byteOffset?: number };

function agree(expected: ReturnType<TarGuard['take']>, seen: SeenHeader): expected is NonNullable<typeof expected> {
  if (expected?.kind === 'root') return seen.name === expected.rawName && seen.size === 0;
  if (expected === undefined || seen.type !== 'file') return false;
  const { rawName, sizeBytes, contentStart } = expected.member;
  return seen.name === rawName && seen.size === sizeBytes && seen.byteOffset === contentStart;
}

function disagreement(archive: string, member?: string): PodfreightError {
  return invalidArchive(archive, 'reads differently to different readers of tar', member);
}
