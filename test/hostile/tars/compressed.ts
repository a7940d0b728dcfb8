import zlib from 'node:zlib';
import { archiveCase, type CaseGroup, lands, refused, type Verdict } from '../case.ts';
import { base256, END, file, GOOD_START, header, manifestFile, podFile } from '../tar-bytes.ts';
import { BLOCK_BYTES, block, frame, raw, skippable, zeros } from '../zstd-bytes.ts';

const TAR = Buffer.concat([...GOOD_START, END]);

function zstd(bytes: Buffer, checksum: 0 | 1 = 1): Buffer {
  return zlib.zstdCompressSync(bytes, { params: { [zlib.constants.ZSTD_c_checksumFlag]: checksum } });
}

const GOOD = zstd(TAR);

function zstdCase(title: string, parts: readonly Buffer[], verdict: Verdict, options: { slow?: boolean } = {}) {
  return archiveCase(title, parts, verdict, { kind: 'compressed', ...options });
}

function damaged(said: string): Verdict {
  return refused(`its zstd data is damaged (${said})`, { code: 'corrupt-archive' });
}

function unsupported(what: string): Verdict {
  return {
    code: 'unsupported',
    message: `The archive X ${what}; compress it again with "zstd -d" and plain "zstd".`,
  };
}

const CUT_OFF = refused('it ends early, in the middle of a zstd frame; fetch or write it again');
const NO_FRAME = refused('something that is no zstd frame follows its zstd frames');
const NO_END = 'it ends early, before the two zero blocks at its end; fetch or write it again';
const TOO_SHORT = 'it is no checkpoint archive, or only the beginning of one; fetch or write it again';
const NO_TAR = refused('it is no checkpoint archive: no tar, neither plain nor in zstd or gzip');
const MORE = refused('something else follows its end');
const BROKEN_BLOCK = refused('a zstd frame has a broken block');

/** Exponents of windows: 2^(10 + exponent) bytes. */
const WINDOW_128_MIB = 17 << 3;
const WINDOW_256_MIB = 18 << 3;

export const zstdLies: CaseGroup = {
  title: 'zstd',
  cases: [
    zstdCase('a frame as `zstd` writes it', [GOOD], lands('a1')),
    zstdCase('a frame without a checksum', [zstd(TAR, 0)], lands('a1')),
    zstdCase('a frame that does not state its content’s size', [frame([raw(TAR)])], lands('a1')),
    zstdCase('a frame of raw blocks that states it', [frame([raw(TAR)], { contentBytes: TAR.length })], lands('a1')),
    zstdCase(
      'one frame a block',
      [0, 1, 2, 3, 4, 5].map((i) => zstd(TAR.subarray(i * 512, i * 512 + 512))),
      lands('a1'),
    ),
    zstdCase(
      'an empty frame between two others',
      [zstd(manifestFile('a1')), zstd(Buffer.alloc(0)), zstd(TAR.subarray(1024))],
      lands('a1'),
    ),
    zstdCase(
      '2,000 empty skippable frames, of all sixteen kinds',
      [GOOD, ...Array.from({ length: 2_000 }, (_, i) => skippable('', i % 16))],
      lands('a1'),
    ),
    zstdCase(
      'a skippable frame with a tar in it',
      [zstd(manifestFile('a1')), skippable(podFile('b2')), zstd(TAR.subarray(1024))],
      lands('a1'),
    ),
    zstdCase(
      '100,000 empty blocks',
      [frame([Buffer.alloc(300_000, block(0, 0, Buffer.alloc(0), false)), raw(TAR)])],
      lands('a1'),
    ),
    zstdCase('a window of 128 MiB', [frame([raw(TAR)], { windowDescriptor: WINDOW_128_MIB })], lands('a1')),
    zstdCase('the unused bit of a frame', [frame([raw(TAR)], { descriptorBits: 0b1_0000 })], lands('a1')),
    zstdCase('a dictionary ID of 0, which means none', [frame([raw(TAR)], { dictionaryId: 0 })], lands('a1')),
    zstdCase('a skippable frame first', [skippable(Buffer.alloc(600)), GOOD], NO_TAR),
    zstdCase(
      'a window of 256 MiB',
      [frame([raw(TAR)], { windowDescriptor: WINDOW_256_MIB })],
      unsupported('needs a zstd window of more than 128 MiB'),
    ),
    zstdCase(
      'a window of 128 MiB and an eighth',
      [frame([raw(TAR)], { windowDescriptor: WINDOW_128_MIB | 1 })],
      unsupported('needs a zstd window of more than 128 MiB'),
    ),
    zstdCase(
      'the largest window: 3.75 TiB',
      [frame([raw(TAR)], { windowDescriptor: 0xff })],
      unsupported('needs a zstd window of more than 128 MiB'),
    ),
    zstdCase(
      'a single segment of 1 TiB',
      [singleSegment(2n ** 40n)],
      unsupported('needs a zstd window of more than 128 MiB'),
    ),
    zstdCase('a dictionary', [frame([raw(TAR)], { dictionaryId: 7 })], unsupported('uses a zstd dictionary')),
    zstdCase(
      'a frame that states one byte too few',
      [frame([raw(TAR)], { contentBytes: TAR.length - 1 })],
      damaged('Data corruption detected'),
    ),
    zstdCase(
      'a frame that states one byte too many',
      [frame([raw(TAR)], { contentBytes: TAR.length + 1 })],
      damaged('Data corruption detected'),
    ),
    zstdCase(
      'a frame that states 0 bytes',
      [frame([raw(TAR)], { contentBytes: 0 })],
      damaged('Destination buffer is too small'),
    ),
    zstdCase(
      'a frame that states 2^62 bytes',
      [frame([raw(TAR)], { contentBytes: 2n ** 62n })],
      damaged('Data corruption detected'),
    ),
    zstdCase(
      'a frame that states 2^64 - 1 bytes',
      [frame([raw(TAR)], { contentBytes: 2n ** 64n - 1n })],
      refused('a zstd frame holds 3072 bytes instead of 18446744073709552000'),
    ),
    zstdCase(
      'a wrong checksum',
      [frame([raw(TAR)], { contentBytes: TAR.length, checksum: Buffer.alloc(4) })],
      damaged("Restored data doesn't match checksum"),
    ),
    zstdCase(
      'a wrong checksum of a frame that does not state its size',
      [frame([raw(TAR)], { checksum: Buffer.alloc(4) })],
      damaged("Restored data doesn't match checksum"),
    ),
    zstdCase('a missing checksum', [frame([raw(TAR)], { checksum: Buffer.alloc(0) })], CUT_OFF),
    zstdCase(
      'a reserved bit',
      [frame([raw(TAR)], { descriptorBits: 0b1000 })],
      refused('a zstd frame uses a reserved bit'),
    ),
    zstdCase('a reserved kind of block', [frame([block(3, 1, Buffer.alloc(1), true)])], BROKEN_BLOCK),
    zstdCase('a block of more than 128 KiB', [frame([block(1, BLOCK_BYTES + 1, Buffer.alloc(1), true)])], BROKEN_BLOCK),
    zstdCase(
      'a block of more than the window',
      [frame([block(1, 2048, Buffer.alloc(1), true)], { windowDescriptor: 0 })],
      damaged('Data corruption detected'),
    ),
    zstdCase(
      'a compressed block of random bytes',
      [frame([block(2, 64, Buffer.alloc(64, 'x\x07q'), true)])],
      damaged('Data corruption detected'),
    ),
    zstdCase('a frame without a last block', [frame([raw(TAR, false)])], CUT_OFF),
    zstdCase('a frame cut off in its header', [GOOD.subarray(0, 6)], CUT_OFF),
    zstdCase('a frame cut off in its content', [GOOD.subarray(0, GOOD.length - 20)], CUT_OFF),
    zstdCase('a frame cut off in its checksum', [GOOD.subarray(0, GOOD.length - 1)], CUT_OFF),
    zstdCase('the last of several frames missing', [zstd(manifestFile('a1')), zstd(podFile('a1'))], refused(NO_END)),
    zstdCase('a skippable frame of 4 GiB, cut off', [GOOD, Buffer.from('502a4d18ffffffff00', 'hex')], CUT_OFF),
    zstdCase('a magic number of zstd before its version 0.8', [GOOD, Buffer.from('27b52ffd00000000', 'hex')], NO_FRAME),
    zstdCase('text after the last frame', [GOOD, Buffer.from('rm -rf /')], NO_FRAME),
    zstdCase('a zero after the last frame', [GOOD, Buffer.alloc(1)], CUT_OFF),
    zstdCase('a plain tar after the last frame', [GOOD, TAR], NO_FRAME),
    zstdCase('another archive after the first', [GOOD, GOOD], MORE),
    zstdCase('zstd in zstd', [zstd(GOOD)], refused(TOO_SHORT)),
    zstdCase(
      'a manifest of 1 GiB in 40 KB',
      [frame([raw(header({ name: 'checkpointed.pods', sizeBytes: 2 ** 30 }), false), zeros(8192)])],
      refused('member "checkpointed.pods" is longer than 16777216 bytes'),
    ),
    zstdCase(
      'an extended header of 1 GiB in 40 KB',
      [
        frame([
          raw(manifestFile('a1'), false),
          raw(header({ name: 'x', type: 'x', sizeBytes: 2 ** 30 }), false),
          zeros(8192),
        ]),
      ],
      refused('member "x" is an extended header of more than 1 MiB'),
    ),
    zstdCase(
      '8 GiB of zeros after the end in 260 KB',
      [frame([raw(TAR, false), zeros(65_536)])],
      refused('more than 1048576 bytes follow its end'),
    ),
    archiveCase(
      'a pod of 1 TiB in 32 MB',
      () =>
        frame([
          raw(manifestFile('a1'), false),
          raw(header({ name: 'a1.tar', sizeField: base256(2n ** 40n) }), false),
          zeros(2 ** 23, false),
          raw(END),
        ]),
      { code: 'no-space', message: 'The checkpoints need 1.0 TiB, and the file system of … has … left.' },
      { kind: 'compressed', ways: ['insert'], slow: true },
    ),
    archiveCase(
      'a pod of 64 MiB of zeros in 2 KB: memory is like that',
      () => {
        const size = 64 * 1024 * 1024;
        return frame([
          raw(manifestFile('a1'), false),
          raw(header({ name: 'a1.tar', sizeBytes: size }), false),
          zeros(size / BLOCK_BYTES, false),
          raw(END),
        ]);
      },
      lands('a1'),
      { kind: 'compressed', slow: true, content: Buffer.alloc(64 * 1024 * 1024) },
    ),
  ],
};

const GZIP = zlib.gzipSync(TAR);

function gzipCase(title: string, parts: readonly Buffer[], verdict: Verdict) {
  return archiveCase(title, parts, verdict, { kind: 'compressed' });
}

function damagedGzip(said: string): Verdict {
  return refused(`its gzip data is damaged, or something else follows it (${said})`, { code: 'corrupt-archive' });
}

const CUT_OFF_GZIP = refused('it ends early, in the middle of its gzip data; fetch or write it again');

/** `GZIP` with `bytes` from `start` on. */
function gzipWith(start: number, bytes: Buffer): Buffer {
  const changed = Buffer.from(GZIP);
  bytes.copy(changed, start < 0 ? changed.length + start : start);
  return changed;
}

/** `GZIP` with a flag set and what it announces behind the header's ten bytes. */
function gzipField(flag: number, field: Buffer): Buffer {
  const start = Buffer.from(GZIP.subarray(0, 10));
  start[3]! |= flag;
  return Buffer.concat([start, field, GZIP.subarray(10)]);
}

export const gzipLies: CaseGroup = {
  title: 'gzip and others',
  cases: [
    gzipCase('gzip as `gzip` writes it', [GZIP], lands('a1')),
    gzipCase(
      'two gzip members that make one tar',
      [zlib.gzipSync(TAR.subarray(0, 700)), zlib.gzipSync(TAR.subarray(700))],
      lands('a1'),
    ),
    gzipCase('an empty gzip member behind', [GZIP, zlib.gzipSync('')], lands('a1')),
    gzipCase('the file name `../../x` in the header', [gzipField(0b1000, Buffer.from('../../x\0'))], lands('a1')),
    gzipCase(
      'a comment of 1 MiB in the header',
      [gzipField(0b1_0000, Buffer.concat([Buffer.alloc(2 ** 20, 'x'), Buffer.alloc(1)]))],
      lands('a1'),
    ),
    gzipCase('a wrong CRC', [gzipWith(-8, Buffer.from('deadbeef', 'hex'))], damagedGzip('incorrect data check')),
    gzipCase('a wrong length', [gzipWith(-4, Buffer.from('ffffffff', 'hex'))], damagedGzip('incorrect length check')),
    gzipCase('a reserved flag', [gzipWith(3, Buffer.from([0x80]))], damagedGzip('unknown header flags set')),
    gzipCase('a broken block', [gzipWith(10, Buffer.from([0xff]))], damagedGzip('invalid block type')),
    gzipCase('cut off in the header', [GZIP.subarray(0, 8)], CUT_OFF_GZIP),
    gzipCase('cut off in the content', [GZIP.subarray(0, GZIP.length - 20)], CUT_OFF_GZIP),
    gzipCase('cut off in the length', [GZIP.subarray(0, GZIP.length - 1)], CUT_OFF_GZIP),
    gzipCase(
      'the second member cut off',
      [zlib.gzipSync(TAR.subarray(0, 700)), zlib.gzipSync(TAR.subarray(700)).subarray(0, 30)],
      CUT_OFF_GZIP,
    ),
    gzipCase('text behind', [GZIP, Buffer.from('rm -rf /')], damagedGzip('incorrect header check')),
    gzipCase('zeros behind', [GZIP, Buffer.alloc(512)], refused('something else follows its gzip data')),
    gzipCase(
      'zeros and another archive behind',
      [GZIP, Buffer.alloc(512), GZIP],
      refused('something else follows its gzip data'),
    ),
    gzipCase('another archive in a second member', [GZIP, GZIP], MORE),
    gzipCase('gzip in gzip', [zlib.gzipSync(GZIP)], refused(TOO_SHORT)),
    gzipCase(
      '8 MiB of zeros after the end',
      [zlib.gzipSync(Buffer.concat([TAR, Buffer.alloc(2 ** 23)]))],
      refused('more than 1048576 bytes follow its end'),
    ),
    gzipCase(
      'a manifest of 64 MiB in 64 KB',
      [zlib.gzipSync(file('checkpointed.pods', Buffer.alloc(2 ** 26)))],
      refused('member "checkpointed.pods" is longer than 16777216 bytes'),
    ),
    gzipCase('bzip2', [Buffer.from('BZh91AY&SY')], {
      code: 'unsupported',
      message:
        'The archive X is compressed with bzip2, which podfreight does not read; convert it with "bzip2 -dc ARCHIVE | zstd -o ARCHIVE.zst".',
    }),
    gzipCase('xz', [Buffer.from('fd377a585a00', 'hex')], {
      code: 'unsupported',
      message:
        'The archive X is compressed with xz, which podfreight does not read; convert it with "xz -dc ARCHIVE | zstd -o ARCHIVE.zst".',
    }),
  ],
};

/** A frame whose window is its whole content. */
function singleSegment(contentBytes: bigint): Buffer {
  const usual = frame([raw(TAR)], { contentBytes, descriptorBits: 0b10_0000 });
  return Buffer.concat([usual.subarray(0, 5), usual.subarray(6)]); // it has no window descriptor
}
