import { fork } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BUCKET } from '../bench.ts';
import { contest } from '../contest.ts';
import type { EmbeddedUrls } from '../endpoint/embedded.ts';
import type { Operation } from '../operation.ts';

const EMBEDDED = join(import.meta.dirname, '../endpoint/embedded.ts');

/** What the numbers of push and pull are worth: an endpoint must be able to do far more than what is measured with it. */
export const endpoint: Operation = {
  name: 'endpoint',
  what: "raw sockets, nothing kept: the bench's endpoint beside the embedded stack's S3, which is on plain HTTP",
  async run(bench) {
    const { files, podBytes } = await bench.inputs.pods('one');
    const lean = await bench.endpoint();
    const name = `${BUCKET}/one.tar`;
    await lean.place(name, files[0]!);
    const folder = join(bench.disk, 'embedded');
    const embedded = fork(EMBEDDED, [folder, files[0]!], { env: bench.environment });
    try {
      const [urls] = (await once(embedded, 'message')) as [EmbeddedUrls];
      const socket = (verb: string, url: string) => () => bench.script('socket.ts', verb, '--size', `${podBytes}`, url);
      const results = await contest(bench, [
        { name: 'GET, lean', isRemote: true, command: socket('get', `${lean.url}/${name}`) },
        { name: 'GET, embedded', command: socket('get', urls.get) },
        { name: 'PUT, lean', isRemote: true, command: socket('put', `${lean.url}/${BUCKET}/put.tar`) },
        { name: 'PUT, embedded', command: socket('put', urls.put) },
      ]);
      return { results };
    } finally {
      embedded.disconnect();
      await once(embedded, 'exit');
      await lean.remove(name);
      await rm(folder, { recursive: true, force: true });
    }
  },
};
