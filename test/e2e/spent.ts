/**
 * A preload that writes to the file `SPENT` what its process has spent when it ends: bytes read and written by file
 * handles, and the most memory it took.
 */
import { writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';

export interface Spent {
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly memoryBytes: number;
}

const path = process.env.SPENT;
if (path !== undefined) {
  let readBytes = 0;
  let writtenBytes = 0;
  const handle = await open(import.meta.filename);
  const methods = Object.getPrototypeOf(handle);
  await handle.close();
  const { read, write } = methods;
  methods.read = async function (this: unknown, ...args: unknown[]) {
    const result = await read.apply(this, args);
    readBytes += result.bytesRead;
    return result;
  };
  methods.write = async function (this: unknown, ...args: unknown[]) {
    const result = await write.apply(this, args);
    writtenBytes += result.bytesWritten;
    return result;
  };
  process.on('exit', () => {
    const memoryBytes = process.resourceUsage().maxRSS * 1024;
    writeFileSync(path, JSON.stringify({ readBytes, writtenBytes, memoryBytes } satisfies Spent));
  });
}
