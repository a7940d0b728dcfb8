/** Pages of real processes, from the checkpoints in test/fixtures. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { zstdDecompressSync } from 'node:zlib';
import { extract } from 'tar-stream';

export const PAGE_BYTES = 4096;

const NODE = join(import.meta.dirname, '../../test/fixtures/node-a.tar.zst');

/** Some 12 MB: the `pages-*.img` that CRIU wrote for the processes of one node, one after the other. */
export async function readCorpus(): Promise<Buffer> {
  const images: Buffer[] = [];
  for await (const image of pageImages(zstdDecompressSync(readFileSync(NODE)))) images.push(image);
  return Buffer.concat(images);
}

/** They lie two tars deep: pods in the node's archive, containers in a pod's. */
async function* pageImages(tar: Buffer): AsyncGenerator<Buffer> {
  const entries = extract();
  entries.end(tar);
  for await (const entry of entries) {
    const { name } = entry.header;
    const bytes = await buffer(entry);
    if (name.endsWith('.tar')) yield* pageImages(bytes);
    else if (/\/pages-\d+\.img$/.test(name)) yield bytes;
  }
}
