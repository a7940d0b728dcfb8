import { archiveCase, type CaseGroup, lands, refused } from '../case.ts';
import {
  END,
  file,
  GOOD_START,
  header,
  longName,
  manifestFile,
  padded,
  pax,
  paxRecord,
  podFile,
  special,
} from '../tar-bytes.ts';

/** A good pod behind an extended header with that content. */
function records(title: string, content: Parameters<typeof pax>[0], reason: string) {
  return archiveCase(title, [manifestFile('a1'), pax(content), podFile('a1'), END], refused(reason));
}

function key(name: string, shown = name) {
  return records(
    `the key \`${name.slice(0, 30).replaceAll('\x1b', '\\x1b')}\``,
    { [name]: 'x' },
    `member "PaxHeaders/x" has the extended header key "${shown}", which is not allowed here`,
  );
}

function broken(title: string, content: string) {
  return records(title, content, 'member "PaxHeaders/x" has a broken extended header');
}

const SECOND = 'is a second extended header before one member';

export const extended: CaseGroup = {
  title: 'Extended headers',
  cases: [
    records(
      'a path that the plain header does not have: `../x.tar`',
      { path: '../x.tar' },
      'member "../x.tar" is called "a1.tar" in its plain header',
    ),
    records(
      'a path that the plain header does not have: `b2.tar`',
      { path: 'b2.tar' },
      'member "b2.tar" is called "a1.tar" in its plain header',
    ),
    records(
      'a long path that begins otherwise than the plain header',
      { path: `${'b'.repeat(120)}.tar` },
      `member "${'b'.repeat(120)}.tar" is called "a1.tar" in its plain header`,
    ),
    records('an empty path', { path: '' }, 'member "PaxHeaders/x" has a broken name in its extended header'),
    records(
      'a path with a NUL',
      { path: 'a1.tar\0/../../x' },
      'member "PaxHeaders/x" has a broken name in its extended header',
    ),
    key('linkpath'),
    key('hdrcharset'),
    key('GNU.sparse.major'),
    key('GNU.sparse.name'),
    key('GNU.sparse.realsize'),
    key('SCHILY.realsize'),
    key('GNU.volume.filename'),
    key('PATH'),
    key('__proto__'),
    key('\x1b[2J', '\\x1b[2J'),
    key('k'.repeat(1000), `${'k'.repeat(140)}…`),
    records(
      'a key twice',
      paxRecord('path', 'a1.tar') + paxRecord('path', '../x.tar'),
      'member "PaxHeaders/x" has the extended header key "path" twice',
    ),
    records(
      'a key of 1000 characters twice, with an escape sequence',
      paxRecord(`SCHILY.xattr.\x1b[2J${'k'.repeat(1000)}`, '1').repeat(2),
      `member "PaxHeaders/x" has the extended header key "SCHILY.xattr.\\x1b[2J${'k'.repeat(123)}…" twice`,
    ),
    records(
      'a time that is none',
      { mtime: 'now' },
      'member "PaxHeaders/x" has a time in its extended header that is none',
    ),
    records(
      'a time beyond all calendars',
      { mtime: '9999999999999999' },
      'member "PaxHeaders/x" has a time in its extended header that is none',
    ),
    broken('a record without length', 'path=a1.tar\n'),
    broken('a record of length 0', '0 path=a1.tar\n'),
    broken('a record that is longer than the header', '99 path=a1.tar\n'),
    broken('a record that is shorter than it says', '10 path=a1.tar\n'),
    broken('a record of negative length', '-15 path=a1.tar\n'),
    broken('a record with a length in octal', '017 path=a1.tar\n'),
    broken('a record without a line end', '14 path=a1.tar'),
    broken('a record without a key', '10 =a1.tar\n'),
    broken('a record without an equals sign', '15 path a1.tar\n'),
    broken('a record of a billion digits’ length', `${'9'.repeat(100)} path=a1.tar\n`),
    broken('NULs behind the records', `${paxRecord('path', 'a1.tar')}\0\0\0`),
    archiveCase(
      'a global extended header with path, size and link path',
      [
        manifestFile('a1'),
        file('g', paxRecord('path', '../x.tar') + paxRecord('size', '0') + paxRecord('linkpath', '/etc'), {
          type: 'g',
        }),
        podFile('a1'),
        END,
      ],
      refused('member "g" is a global extended header, not a regular file'),
    ),
    archiveCase(
      'a long link name of GNU tar',
      [manifestFile('a1'), file('././@LongLink', '/etc/shadow\0', { type: 'K' }), podFile('a1'), END],
      refused('member "././@LongLink" is a long link name, not a regular file'),
    ),
    archiveCase(
      'an extended header of 1 MiB and a byte',
      [manifestFile('a1'), header({ name: 'x', type: 'x', sizeBytes: 1024 * 1024 + 1 }), podFile('a1'), END],
      refused('member "x" is an extended header of more than 1 MiB'),
    ),
    archiveCase(
      'an extended header of 8 GiB',
      [manifestFile('a1'), header({ name: 'x', type: 'x', sizeField: '77777777777\0' }), podFile('a1'), END],
      refused('member "x" is an extended header of more than 1 MiB'),
    ),
    archiveCase(
      'a long name of 8 GiB',
      [
        manifestFile('a1'),
        header({ name: '././@LongLink', type: 'L', sizeField: '77777777777\0' }),
        podFile('a1'),
        END,
      ],
      refused('member "././@LongLink" is an extended header of more than 1 MiB'),
    ),
    archiveCase(
      'an empty extended header',
      [manifestFile('a1'), special('x', 'x'), podFile('a1'), END],
      refused('member "x" is an empty extended header'),
    ),
    archiveCase(
      'two extended headers',
      [manifestFile('a1'), pax({ comment: '1' }), pax({ path: '../x.tar' }), podFile('a1'), END],
      refused(`member "PaxHeaders/x" ${SECOND}`),
    ),
    archiveCase(
      'a long name and an extended header',
      [manifestFile('a1'), longName('a1.tar'), pax({ path: 'b2.tar' }), podFile('a1'), END],
      refused(`member "PaxHeaders/x" ${SECOND}`),
    ),
    archiveCase(
      'an extended header and a long name',
      [manifestFile('a1'), pax({ path: 'a1.tar' }), longName('b2.tar'), podFile('a1'), END],
      refused(`member "././@LongLink" ${SECOND}`),
    ),
    archiveCase(
      'a long name that the plain header does not have',
      [manifestFile('a1'), longName('../x.tar'), podFile('a1'), END],
      refused('member "../x.tar" is called "a1.tar" in its plain header'),
    ),
    archiveCase(
      'a long name that is not called one',
      [manifestFile('a1'), file('x', 'a1.tar\0', { type: 'L' }), podFile('a1'), END],
      refused('member "x" is a long name, but not called ././@LongLink'),
    ),
    archiveCase(
      'a long name that goes on after its end',
      [manifestFile('a1'), longName('a1.tar\0../x.tar'), podFile('a1'), END],
      refused('member "././@LongLink" is a broken long name'),
    ),
    archiveCase(
      'a long name without an end',
      [manifestFile('a1'), file('././@LongLink', 'a1.tar', { type: 'L' }), podFile('a1'), END],
      refused('member "././@LongLink" is a broken long name'),
    ),
    archiveCase(
      'an extended header with something in its padding',
      [
        manifestFile('a1'),
        header({ name: 'x', type: 'x', sizeBytes: paxRecord('path', 'a1.tar').length }),
        padded(`${paxRecord('path', 'a1.tar')}more`),
        podFile('a1'),
        END,
      ],
      refused('member "x" is padded with other than zeros'),
    ),
    archiveCase(
      'an extended header with nothing behind it',
      [...GOOD_START, pax({ path: 'b2.tar' }), END],
      refused('an extended header stands before its end'),
    ),
    archiveCase(
      'an extended header that says again what is so',
      [manifestFile('a1'), pax({ path: 'a1.tar', mtime: '1795353902.5', comment: 'hello' }), podFile('a1'), END],
      lands('a1'),
    ),
    archiveCase(
      'a name of 100 bytes in a GNU long name, which it would not need',
      [manifestFile('a1'), longName('a1.tar'), podFile('a1', { magic: 'ustar  \0' }), END],
      lands('a1'),
    ),
  ],
};
