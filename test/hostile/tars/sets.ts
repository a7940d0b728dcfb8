import { manifestOf } from '../../core/archive/sample.ts';
import { archiveCase, type CaseGroup, lands, refused } from '../case.ts';
import { END, file, GOOD_START, header, manifestFile, podFile } from '../tar-bytes.ts';

const NOT_NAMED = 'is not named by its checkpointed.pods';
const NOT_THERE = 'is named by its checkpointed.pods, but not there';

/** Headers alone tell what is there, and `show` says of each pod whether it is. */
const SHOWN = { unseenBy: ['show'] } as const;

export const sets: CaseGroup = {
  title: 'Which members there are',
  cases: [
    archiveCase(
      'the manifest twice',
      [...GOOD_START, manifestFile('a1'), END],
      refused('member "checkpointed.pods" is there twice'),
    ),
    archiveCase(
      'the manifest twice, once with `./`',
      [...GOOD_START, file('./checkpointed.pods', manifestOf(['b2'])), END],
      refused('member "./checkpointed.pods" is there twice'),
    ),
    archiveCase(
      'a pod twice',
      [...GOOD_START, file('a1.tar', 'other'), END],
      refused('member "a1.tar" is there twice'),
    ),
    archiveCase(
      'a pod twice, once with `./`',
      [...GOOD_START, file('./a1.tar', 'other'), END],
      refused('member "./a1.tar" is there twice'),
    ),
    archiveCase(
      'no manifest',
      [podFile('a1'), END],
      refused('it has no checkpointed.pods, so it is no checkpoint archive', {
        shown: 'it has none of checkpointed.pods, pod.dump, config.dump, so it is no checkpoint archive',
      }),
    ),
    archiveCase(
      'a pod that the manifest does not name',
      [...GOOD_START, podFile('b2'), END],
      refused(`member "b2.tar" ${NOT_NAMED}`, SHOWN),
    ),
    archiveCase(
      'a pod that is called like the named one, in capitals',
      [manifestFile('a1'), podFile('A1'), END],
      refused(`member "A1.tar" ${NOT_NAMED}`, SHOWN),
    ),
    archiveCase(
      'a pod that is missing',
      [manifestFile('a1', 'b2'), podFile('a1'), END],
      refused(`member "b2.tar" ${NOT_THERE}`, SHOWN),
    ),
    archiveCase('all pods missing', [manifestFile('a1', 'b2'), END], refused(`member "a1.tar" ${NOT_THERE}`, SHOWN)),
    archiveCase(
      '100,001 members',
      () => {
        const pods = Array.from({ length: 100_001 }, (_, i) => header({ name: `${i}.tar` }));
        return Buffer.concat([file('checkpointed.pods', '{}'), ...pods, END]);
      },
      refused('it has more than 100000 members'),
      { slow: true, ways: ['insert', 'show', 'push'] },
    ),
    archiveCase('the manifest last', [podFile('a1'), podFile('b2'), manifestFile('a1', 'b2'), END], lands('a1', 'b2')),
    archiveCase(
      'the pods in another order',
      [manifestFile('a1', 'b2'), podFile('b2'), podFile('a1'), END],
      lands('a1', 'b2'),
    ),
    archiveCase('a manifest without pods, and no pods', [file('checkpointed.pods', '{}'), END], lands(), {
      ways: ['insert', 'show', 'catalogue'],
    }),
  ],
};

const NO_END = 'it ends early, before the two zero blocks at its end; fetch or write it again';
const MORE = refused('something else follows its end');

export const ends: CaseGroup = {
  title: 'Ends',
  cases: [
    archiveCase('no zero blocks', [...GOOD_START], refused(NO_END)),
    archiveCase('one zero block', [...GOOD_START, Buffer.alloc(512)], refused(NO_END)),
    archiveCase('1,023 zeros', [...GOOD_START, Buffer.alloc(1023)], refused(NO_END)),
    archiveCase(
      'one zero block, then another pod',
      [manifestFile('a1', 'b2'), podFile('a1'), Buffer.alloc(512), podFile('b2'), END],
      refused('a lone zero block stands between its members'),
    ),
    archiveCase('another pod after the end', [...GOOD_START, END, podFile('b2'), END], MORE),
    archiveCase('another archive after the end', [...GOOD_START, END, ...GOOD_START, END], MORE),
    archiveCase('a byte after the end', [...GOOD_START, END, Buffer.from('x')], MORE),
    archiveCase('text after the end', [...GOOD_START, END, Buffer.from('\x1b[2Jrm -rf /\n')], MORE),
    archiveCase(
      'text behind a record of zeros after the end',
      [...GOOD_START, END, Buffer.alloc(10_240), Buffer.from('x')],
      MORE,
    ),
    archiveCase('a byte like the first one of an index after the end', [...GOOD_START, END, Buffer.from('W')], MORE),
    archiveCase(
      '1 MiB of zeros and a byte after the end',
      [...GOOD_START, END, Buffer.alloc(1024 * 1024 + 1)],
      refused('more than 1048576 bytes follow its end'),
    ),
    archiveCase(
      'a member cut off in its content',
      [manifestFile('a1'), podFile('a1').subarray(0, 530)],
      refused('it ends early, in member a1.tar; fetch or write it again'),
    ),
    archiveCase(
      'a member cut off in its padding',
      [manifestFile('a1'), podFile('a1').subarray(0, 1000)],
      refused('it ends early, in member a1.tar; fetch or write it again'),
    ),
    archiveCase(
      'a member cut off in its header',
      [manifestFile('a1'), podFile('a1').subarray(0, 300)],
      refused(NO_END),
    ),
    archiveCase('zeros up to a record of 10,240 bytes', [...GOOD_START, Buffer.alloc(10_240 - 2048)], lands('a1')),
    archiveCase('1 MiB of zeros after the end', [...GOOD_START, END, Buffer.alloc(1024 * 1024)], lands('a1')),
  ],
};
