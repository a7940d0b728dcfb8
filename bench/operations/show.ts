import { type Contestant, contest } from '../contest.ts';
import { shell } from '../measure.ts';
import type { Operation } from '../operation.ts';

const counted: Pick<Contestant, 'countsReads'> = { countsReads: true };

export const showPlain: Operation = {
  name: 'show-plain',
  what: 'lists a plain tar of 10 GiB, 10 pods, which some other tool wrote',
  async run(bench) {
    const tar = await bench.inputs.sparseTar(1024 ** 3);
    const tiny = await bench.inputs.sparseTar(512);
    const results = await contest(bench, [
      { ...counted, name: 'podfreight', command: () => bench.podfreight('show', tar) },
      { ...counted, name: 'podfreight, tar of 17 KiB', command: () => bench.podfreight('show', tiny) },
      { ...counted, name: 'tar t', needs: ['tar'], command: () => bench.peer('tar', 'tf', tar) },
    ]);
    return { results };
  },
};

/** The same for an archive of ours and for one of others. */
function showCompressed(name: string, what: string, kind: 'tar.zst' | 'foreign.tar.zst'): Operation {
  return {
    name,
    what,
    async run(bench) {
      const { path } = await bench.inputs.archive('eight', kind);
      const common = { ...counted, reads: [path] };
      const results = await contest(bench, [
        { ...common, name: 'podfreight', command: () => bench.podfreight('show', path) },
        {
          ...common,
          name: 'zstd -dc | tar t',
          needs: ['zstd', 'tar'],
          command: () => shell('"$1" -dc "$2" | "$3" t', ...bench.peer('zstd'), path, ...bench.peer('tar')),
        },
      ]);
      return { results };
    },
  };
}

export const showZstd = showCompressed('show-zstd', 'lists an archive of `extract`, 8 pods', 'tar.zst');
export const showForeign = showCompressed(
  'show-foreign',
  'lists a tar in one frame of zstd, 8 pods, as `tar | zstd` writes it',
  'foreign.tar.zst',
);
