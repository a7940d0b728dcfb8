import { join } from 'node:path';
import { type Bench, BUCKET } from '../bench.ts';
import { type Contestant, contest } from '../contest.ts';
import type { ArchiveFile } from '../inputs/inputs.ts';
import { type Command, shell } from '../measure.ts';
import type { Operation } from '../operation.ts';
import type { PeerName } from '../peers.ts';

/** Programs that write an object to `path`, or to stdout when that is `-`. */
function downloads(bench: Bench, key: string, endpointUrl: string) {
  const url = `s3://${BUCKET}/${key}`;
  const http = `${endpointUrl}/${BUCKET}/${key}`;
  return {
    'aws s3 cp': {
      needs: ['aws'],
      get: (path) => bench.peer('aws', 's3', 'cp', '--only-show-errors', url, path),
    },
    rclone: {
      needs: ['rclone'],
      get: (path) =>
        path === '-'
          ? bench.peer('rclone', 'cat', `:s3:${BUCKET}/${key}`)
          : bench.peer('rclone', 'copyto', '--multi-thread-streams', '8', `:s3:${BUCKET}/${key}`, path),
    },
    s5cmd: {
      needs: ['s5cmd'],
      get: (path) => (path === '-' ? bench.peer('s5cmd', 'cat', url) : bench.peer('s5cmd', 'cp', url, path)),
    },
    curl: { needs: ['curl'], get: (path) => bench.peer('curl', '-sSf', '-o', path, http) },
  } satisfies Record<string, { needs: PeerName[]; get: (path: string) => Command }>;
}

/** The object `archive.tar`, `archive.tar.zst`: there while `work` runs. */
async function withObject<T>(bench: Bench, archive: ArchiveFile, work: (key: string, url: string) => Promise<T>) {
  const endpoint = await bench.endpoint();
  const key = archive.path.slice(archive.path.lastIndexOf('/') + 1);
  await endpoint.place(`${BUCKET}/${key}`, archive.path);
  try {
    return await work(key, endpoint.url);
  } finally {
    await endpoint.remove(`${BUCKET}/${key}`);
  }
}

export const pullNone: Operation = {
  name: 'pull-none',
  what: 'lands a plain archive of 8 pods, in memory; the peers only write it to a file',
  async run(bench) {
    const archive = await bench.inputs.archive('eight', 'tar');
    return await withObject(bench, archive, async (key, url) => {
      const target = join(bench.memory, 'pulled');
      const file = join(bench.memory, key);
      const toFile = { writes: file, writesBytes: archive.sizeBytes, isRemote: true } as const;
      const socket = ['get', '--size', `${archive.sizeBytes}`, `${url}/${BUCKET}/${key}`, file];
      const results = await contest(bench, [
        ours(bench, key, target, archive),
        {
          ...toFile,
          name: 'podfreight pull -o',
          command: () => bench.podfreight('pull', `s3://${BUCKET}/${key}`, '-o', file),
        },
        ...Object.entries(downloads(bench, key, url)).map(
          ([name, { needs, get }]): Contestant => ({ ...toFile, name, needs, command: () => get(file) }),
        ),
        { ...toFile, name: 'SDK, ranged GETs', command: () => bench.script('ranged-gets.ts', BUCKET, key, file) },
        { ...toFile, name: 'raw socket', command: () => bench.script('socket.ts', ...socket) },
      ]);
      return { results };
    });
  },
};

/** Peers that land the pods as well: whatever brings the archive, then zstd and tar. */
function pullCompressed(name: string, what: string, shape: 'eight' | 'small', where: 'disk' | 'memory'): Operation {
  return {
    name,
    what,
    async run(bench) {
      const archive = await bench.inputs.archive(shape, 'tar.zst');
      return await withObject(bench, archive, async (key, url) => {
        const folder = where === 'disk' ? bench.disk : bench.memory;
        const target = join(folder, 'pulled');
        const common = { writes: target, writesBytes: archive.podBytes, isRemote: true } as const;
        const unpacking = (text: string, get: Command) => {
          const names = 'target=$1 zstd=$2 tar=$3; shift 3; mkdir "$target"';
          const script = `${names} && ${text} | "$tar" -x -C "$target" && sync -f "$target"`;
          return shell(script, target, ...bench.peer('zstd'), ...bench.peer('tar'), ...get);
        };
        const piped = '"$@" | "$zstd" -dc';
        const viaFile = '"$@" && "$zstd" -dc "$target/archive"';
        const unpackers: PeerName[] = ['zstd', 'tar'];
        const results = await contest(bench, [
          ours(bench, key, target, archive),
          ...Object.entries(downloads(bench, key, url)).map(
            ([peer, { needs, get }]): Contestant => ({
              ...common,
              name: `${peer} | zstd -dc | tar x, sync`,
              needs: [...needs, ...unpackers],
              command: () => unpacking(piped, get('-')),
            }),
          ),
          {
            ...common,
            name: 'SDK, ranged GETs; zstd -dc | tar x, sync',
            needs: unpackers,
            command: () => unpacking(viaFile, bench.script('ranged-gets.ts', BUCKET, key, join(target, 'archive'))),
          },
        ]);
        return { results };
      });
    },
  };
}

export const pullZstd = pullCompressed('pull-zstd', 'lands an archive of 8 pods in zstd, in memory', 'eight', 'memory');
export const pullSmall = pullCompressed('pull-small', 'lands an archive of 500 small pods, on disk', 'small', 'disk');

function ours(bench: Bench, key: string, target: string, { podBytes }: ArchiveFile): Contestant {
  return {
    name: 'podfreight',
    writes: target,
    writesBytes: podBytes,
    isRemote: true,
    command: () => bench.podfreight('pull', `s3://${BUCKET}/${key}`, '-t', target),
  };
}
