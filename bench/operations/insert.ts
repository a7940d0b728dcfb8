import { join } from 'node:path';
import { contest } from '../contest.ts';
import type { ArchiveKind } from '../inputs/inputs.ts';
import { shell } from '../measure.ts';
import type { Operation } from '../operation.ts';

const UNPACK: Readonly<Record<ArchiveKind, string>> = {
  tar: '"$3" -xf "$1" -C "$2"',
  'tar.zst': '"$4" -dc "$1" | "$3" -x -C "$2"',
  'foreign.tar.zst': '"$4" -dc "$1" | "$3" -x -C "$2"',
};

function insert(name: string, what: string, kind: ArchiveKind): Operation {
  return {
    name,
    what,
    async run(bench) {
      const { path, podBytes } = await bench.inputs.archive('eight', kind);
      const target = join(bench.disk, 'inserted');
      const common = { reads: [path], writes: target, writesBytes: podBytes };
      const results = await contest(bench, [
        { ...common, name: 'podfreight', command: () => bench.podfreight('insert', '-i', path, '-t', target) },
        {
          ...common,
          name: kind === 'tar' ? 'tar x, sync' : 'zstd -dc | tar x, sync',
          needs: ['tar', 'zstd'],
          command: () => {
            const text = `mkdir "$2" && ${UNPACK[kind]} && sync -f "$2"`;
            return shell(text, path, target, ...bench.peer('tar'), ...bench.peer('zstd'));
          },
        },
      ]);
      return { results };
    },
  };
}

export const insertNone = insert('insert-none', 'lands a plain archive of 8 pods, on disk', 'tar');
export const insertZstd = insert('insert-zstd', 'lands an archive of 8 pods in zstd, on disk', 'tar.zst');
export const insertForeign = insert(
  'insert-foreign',
  'lands 8 pods from a tar in one frame of zstd, as `tar | zstd` writes it, on disk',
  'foreign.tar.zst',
);
