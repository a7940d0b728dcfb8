import { archiveCase, type CaseGroup, lands, refused, type Verdict } from '../case.ts';
import {
  base256,
  END,
  file,
  header,
  manifestFile,
  pax,
  podContent,
  podFile,
  withField,
  withSignedChecksum,
} from '../tar-bytes.ts';

const NO_SIZE = refused('member "a1.tar" has a size that is no number from 0 to 2^53-1');
const SIZE = podContent('a1').length;
const octal = (sizeBytes: number) => `${sizeBytes.toString(8).padStart(11, '0')}\0`;

function sized(title: string, sizeField: Buffer | string, verdict: Verdict = NO_SIZE) {
  return archiveCase(title, [manifestFile('a1'), podFile('a1', { sizeField }), END], verdict);
}

const CUT_OFF = refused('it ends early, in member a1.tar; fetch or write it again');

/** So large that in zstd, where sizes are met one by one, it depends on the disk whether space or bytes are missing. */
function beyond(title: string, sizeField: Buffer | string, before: readonly Buffer[] = []) {
  const parts = [manifestFile('a1'), ...before, podFile('a1', { sizeField }), END];
  return archiveCase(title, () => Buffer.concat(parts), CUT_OFF);
}

/** Extended header and plain header, which say different sizes. */
function disagreeing(title: string, size: string, sizeField: string, verdict: Verdict) {
  return archiveCase(title, [manifestFile('a1'), pax({ size }), podFile('a1', { sizeField }), END], verdict);
}

const BAD_PAX_SIZE = refused(
  'member "PaxHeaders/x" has a size in its extended header that is no number from 0 to 2^53-1',
);

export const sizes: CaseGroup = {
  title: 'Sizes',
  cases: [
    sized('no size', Buffer.alloc(12)),
    sized('a size of spaces', ' '.repeat(12)),
    sized('a negative octal size', '-0000000064\0'),
    sized('a size with a plus', '+0000000064\0'),
    sized('a decimal size with an 8', `${'8'.padStart(11, '0')}\0`),
    sized('a hexadecimal size', '0x000000034\0'),
    sized('a size with letters', '000000zz064\0'),
    sized('two sizes in one field', '64 128\0\0\0\0\0\0'),
    sized('a size of -1 in base-256', base256(-1n)),
    sized('a size of -2^63 in base-256', base256(-(2n ** 63n))),
    sized('a size of 2^53 in base-256', base256(2n ** 53n)),
    sized('a size of 2^64 + the true one in base-256', base256(2n ** 64n + BigInt(SIZE))),
    sized(
      'a size in base-256 with a bit beside the mark',
      Buffer.concat([Buffer.from([0xc0]), base256(BigInt(SIZE)).subarray(1)]),
    ),
    sized('the true size in base-256', base256(BigInt(SIZE)), lands('a1')),
    sized('the true size in octal behind spaces', `${SIZE.toString(8).padStart(10, ' ')} \0`, lands('a1')),
    sized('the true size in octal in all 12 bytes', SIZE.toString(8).padStart(12, '0'), lands('a1')),
    sized('2^53-1 bytes', base256(2n ** 53n - 1n), refused('member "a1.tar" ends beyond 2^53-1 bytes')),
    sized('one block more than there is', octal(3 * 512 + 1), CUT_OFF),
    beyond('a gigabyte with a few bytes behind it', octal(2 ** 30)),
    beyond('8 GiB - 1 with a few bytes behind it', '77777777777\0'),
    beyond('8 GiB in base-256 with a few bytes behind it', base256(2n ** 33n)),
    sized(
      'one block less than there is: the rest reads as a header',
      octal(0),
      refused('a tar header has a wrong checksum'),
    ),
    sized(
      'one byte less than there is: the rest reads as padding',
      octal(SIZE - 1),
      // Padding is between members: who looks at headers alone does not meet it.
      refused('member "a1.tar" is padded with other than zeros', { unseenBy: ['show', 'catalogue'] }),
    ),
    disagreeing(
      'an extended header that says more than the plain one',
      '1024',
      octal(SIZE),
      refused(`member "a1.tar" has ${SIZE} bytes in its header and 1024 in its extended header`),
    ),
    disagreeing(
      'an extended header that says 0',
      '0',
      octal(SIZE),
      refused(`member "a1.tar" has ${SIZE} bytes in its header and 0 in its extended header`),
    ),
    disagreeing(
      'an extended header with a size, the plain one with 0',
      String(SIZE),
      octal(0),
      refused(`member "a1.tar" has 0 bytes in its header and ${SIZE} in its extended header`),
    ),
    disagreeing('a negative size in the extended header', '-1', octal(SIZE), BAD_PAX_SIZE),
    disagreeing('a fraction in the extended header', `${SIZE}.5`, octal(SIZE), BAD_PAX_SIZE),
    disagreeing('an exponent in the extended header', '1e3', octal(SIZE), BAD_PAX_SIZE),
    disagreeing('2^53 in the extended header', String(2 ** 53), octal(SIZE), BAD_PAX_SIZE),
    disagreeing('no number in the extended header', '', octal(SIZE), BAD_PAX_SIZE),
    disagreeing('the true size in both', String(SIZE), octal(SIZE), lands('a1')),
    beyond('8 GiB in the extended header alone, with a few bytes behind it', octal(0), [
      pax({ size: String(2 ** 33) }),
    ]),
    archiveCase(
      'a manifest of 16 MiB and a byte',
      () => Buffer.concat([file('checkpointed.pods', Buffer.alloc(16 * 1024 * 1024 + 1, ' ')), podFile('a1'), END]),
      refused('member "checkpointed.pods" is longer than 16777216 bytes'),
    ),
  ],
};

const WRONG = refused('a tar header has a wrong checksum');
const NO_TAR = refused('it is no checkpoint archive: no tar, neither plain nor in zstd or gzip');
const UNKNOWN_KIND = refused('a tar header is of an unknown kind (neither ustar, GNU nor v7)');

function checksum(title: string, value: string, verdict: Verdict = WRONG) {
  return archiveCase(title, [manifestFile('a1'), withField(podFile('a1'), 'checksum', value), END], verdict);
}

function magic(title: string, value: string, verdict: Verdict = UNKNOWN_KIND) {
  return archiveCase(title, [manifestFile('a1'), podFile('a1', { magic: value }), END], verdict);
}

const HIGH_BYTES = withField(podFile('a1'), 'uname', 'm\xfcller');

export const headers: CaseGroup = {
  title: 'Checksums and kinds of headers',
  cases: [
    checksum('a checksum of 0', '000000\0 '),
    checksum('no checksum', ''),
    checksum('a checksum of spaces', '        '),
    checksum('a checksum that is one too high', `${(sumOf(podFile('a1')) + 1).toString(8).padStart(6, '0')}\0 `),
    checksum('the true checksum in decimal', `${sumOf(podFile('a1'))}\0 `),
    checksum('the true checksum without its zeros', `${sumOf(podFile('a1')).toString(8)}\0`, lands('a1')),
    archiveCase('a checksum of signed bytes', [manifestFile('a1'), withSignedChecksum(HIGH_BYTES), END], WRONG),
    archiveCase(
      'the same header with a checksum of unsigned bytes',
      [manifestFile('a1'), HIGH_BYTES, END],
      lands('a1'),
    ),
    archiveCase(
      'a wrong checksum in the first header',
      () => Buffer.concat([withField(manifestFile('a1'), 'checksum', '000000\0 '), podFile('a1'), END]),
      NO_TAR,
    ),
    magic('an unknown magic', 'tarball!'),
    magic('the magic of POSIX with another version', 'ustar\x0099'),
    magic('the magic of POSIX without its NUL', 'ustar 00'),
    magic('half a magic', 'ust\0\0\0\0\0'),
    magic('the magic of GNU tar', 'ustar  \0', lands('a1')),
    magic('no magic, as before POSIX', '\0'.repeat(8), lands('a1')),
    archiveCase('a file of random bytes', () => Buffer.from(lcg(4096)), NO_TAR),
    archiveCase('a file of zeros: a tar without members', () => Buffer.alloc(10_240), NO_TAR),
    archiveCase('an empty file', () => Buffer.alloc(0), refused('it is empty, so it is no checkpoint archive')),
    archiveCase(
      'a file of 511 bytes',
      () => manifestFile('a1').subarray(0, 511),
      refused('it is no checkpoint archive, or only the beginning of one; fetch or write it again'),
    ),
    archiveCase(
      'a text of 20 bytes',
      () => Buffer.from('This is no archive.\n'),
      refused('it is no checkpoint archive, or only the beginning of one; fetch or write it again'),
    ),
    archiveCase('a ZIP file', () => Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(1000)]), NO_TAR),
    archiveCase(
      'a header alone, without anything behind it',
      () => header({ name: 'a1.tar' }),
      refused('it ends early, before the two zero blocks at its end; fetch or write it again'),
    ),
  ],
};

function sumOf(tar: Buffer): number {
  return Number.parseInt(tar.toString('latin1', 148, 154), 8);
}

/** Bytes that look random, the same each time. */
function lcg(length: number): number[] {
  let state = 7;
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state >>> 24;
  });
}
