import { pipeline, Readable } from 'node:stream';
import zlib from 'node:zlib';
import { PodfreightError } from '../errors.ts';
import { corruptArchive, endsEarly, invalidArchive } from './refusal.ts';

const OUTPUT_CHUNK_BYTES = 1024 * 1024;

/**
 * Decodes gzip, of one member or several, whose checksums are verified.
 * @param archive its name, for messages
 * @throws PodfreightError `invalid-archive` (cut off, or something after the last member), `corrupt-archive`
 */
export async function* decodeGzip(input: AsyncIterable<Buffer>, archive: string): AsyncGenerator<Buffer> {
  let fedBytes = 0;
  let allFed = false;
  async function* feed(): AsyncGenerator<Buffer> {
    for await (const chunk of input) {
      fedBytes += chunk.length;
      yield chunk;
    }
    allFed = true;
  }
  const decoder = zlib.createGunzip({ chunkSize: OUTPUT_CHUNK_BYTES });
  pipeline(Readable.from(feed(), { highWaterMark: 1 }), decoder, () => {});
  try {
    for await (const chunk of decoder as AsyncIterable<Buffer>) yield chunk;
  } catch (cause) {
    if (cause instanceof PodfreightError) throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'Z_BUF_ERROR') throw endsEarly(archive, 'in the middle of its gzip data');
    throw corruptArchive(
      archive,
      `its gzip data is damaged, or something else follows it (${message})`,
      undefined,
      cause,
    );
  }
  // zlib stops silently at zeros after a member, whatever follows them.
  if (!allFed || decoder.bytesWritten !== fedBytes)
    throw invalidArchive(archive, 'something else follows its gzip data');
}
