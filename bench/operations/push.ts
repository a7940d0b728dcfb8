import { BUCKET } from '../bench.ts';
import { type Contestant, contest } from '../contest.ts';
import { shell } from '../measure.ts';
import type { Operation } from '../operation.ts';

const KEY = 'peer.tar';
const URL = `s3://${BUCKET}/${KEY}`;

export const pushNone: Operation = {
  name: 'push-none',
  what: 'pushes one pod as it is',
  async run(bench) {
    const { directory, files, podBytes } = await bench.inputs.pods('one');
    const [file = ''] = files;
    const endpoint = await bench.endpoint();
    const remote: Pick<Contestant, 'reads' | 'isRemote'> = { reads: files, isRemote: true };
    const size = ['--size', `${podBytes}`];
    const results = await contest(bench, [
      { ...remote, name: 'podfreight', command: () => bench.podfreight('push', directory, '-c', 'none') },
      {
        ...remote,
        name: 'aws s3 cp',
        needs: ['aws'],
        command: () => bench.peer('aws', 's3', 'cp', '--only-show-errors', file, URL),
      },
      {
        ...remote,
        name: 'rclone',
        needs: ['rclone'],
        command: () => bench.peer('rclone', 'copyto', file, `:s3:${BUCKET}/${KEY}`),
      },
      { ...remote, name: 's5cmd', needs: ['s5cmd'], command: () => bench.peer('s5cmd', 'cp', file, URL) },
      { ...remote, name: 'lib-storage', command: () => bench.script('lib-storage.ts', file, BUCKET, KEY) },
      {
        ...remote,
        name: 'raw socket',
        command: () => bench.script('socket.ts', 'put', ...size, `${endpoint.url}/${BUCKET}/${KEY}`, file),
      },
    ]);
    return { results };
  },
};

export const pushZstd: Operation = {
  name: 'push-zstd',
  what: 'pushes one pod in zstd; the peer only compresses',
  async run(bench) {
    const { directory, files } = await bench.inputs.pods('one');
    const results = await contest(bench, [
      {
        name: 'podfreight',
        reads: files,
        isRemote: true,
        command: () => bench.podfreight('push', directory),
      },
      {
        name: 'zstd -1 -T2',
        reads: files,
        needs: ['zstd'],
        command: () => shell('"$1" -q -1 -T2 -c "$2" > /dev/null', ...bench.peer('zstd'), ...files),
      },
    ]);
    return { results };
  },
};
