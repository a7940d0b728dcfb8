import { join } from 'node:path';
import { type Contestant, contest } from '../contest.ts';
import { shell } from '../measure.ts';
import type { Operation } from '../operation.ts';

/** Ours is on disk when it ends; a peer is so only with `sync`. */
export const extractNone: Operation = {
  name: 'extract-none',
  what: 'packs a kubelet directory of 8 pods into a plain tar, on disk',
  async run(bench) {
    const { directory, files } = await bench.inputs.pods('eight');
    const out = join(bench.disk, 'extract.tar');
    const folder = join(bench.disk, 'copies');
    const tar = '"$3" -cf "$2" -C "$1" .';
    const toFile = { reads: files, writes: out };
    const results = await contest(bench, [
      {
        ...toFile,
        name: 'podfreight',
        command: () => bench.podfreight('extract', '-t', directory, '-c', 'none', '-o', out),
      },
      {
        reads: files,
        writes: folder,
        name: 'cp',
        needs: ['cp'],
        command: () => bench.peer('cp', '-r', directory, folder),
      },
      { ...toFile, name: 'tar c', needs: ['tar'], command: () => shell(tar, directory, out, ...bench.peer('tar')) },
      {
        ...toFile,
        name: 'tar c, sync',
        needs: ['tar'],
        command: () => shell(`${tar} && sync "$2"`, directory, out, ...bench.peer('tar')),
      },
    ]);
    return { results };
  },
};

export const extractZstd: Operation = {
  name: 'extract-zstd',
  what: 'packs a kubelet directory of 8 pods into a tar in zstd, on disk',
  async run(bench) {
    const { directory, files } = await bench.inputs.pods('eight');
    const out = join(bench.disk, 'extract.tar.zst');
    const common = { reads: files, writes: out };
    const piped = (name: string, level: string, after = ''): Contestant => ({
      ...common,
      name,
      needs: ['tar', 'zstd'],
      command: () => {
        const text = `"$3" -c -C "$1" . | "$4" -q ${level} -T2 -o "$2"${after}`;
        return shell(text, directory, out, ...bench.peer('tar'), ...bench.peer('zstd'));
      },
    });
    const results = await contest(bench, [
      { ...common, name: 'podfreight', command: () => bench.podfreight('extract', '-t', directory, '-o', out) },
      piped('tar c | zstd -3 -T2', '-3'),
      piped('tar c | zstd -3 -T2, sync', '-3', ' && sync "$2"'),
      piped('tar c | zstd -1 -T2', '-1'),
      piped('tar c | zstd -1 -T2, sync', '-1', ' && sync "$2"'),
    ]);
    return { results };
  },
};
