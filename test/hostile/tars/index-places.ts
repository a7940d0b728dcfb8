import { createHash } from 'node:crypto';
import zlib from 'node:zlib';
import { encodeIndexFrame } from '../../../core/archive/index-frame.ts';
import { archiveCase, type CaseGroup, lands, refused, type Verdict } from '../case.ts';
import { type Ours, ours, type SeekEntries, withIndex } from '../indexed.ts';
import { END, file, GOOD_START, manifestFile, podContent, podFile, special } from '../tar-bytes.ts';
import { CONTENT_ONLY, digest, entry, lying, OTHER_FORMAT, SHORT } from './lying.ts';

export const indexPlaces: CaseGroup = {
  title: 'Where an index stands, and over what',
  cases: [
    shaped(
      'a byte that is not UTF-8',
      ({ frame }) => patched(frame, 20, Buffer.from([0xff]), { crc: true }),
      refused('its index is no JSON'),
    ),
    shaped(
      'a wrong CRC-32',
      ({ frame }) => patched(frame, 20, Buffer.from('x')),
      refused('its index is damaged', { code: 'corrupt-archive' }),
    ),
    shaped('version 2', ({ frame }) => patched(frame, -12, Buffer.from([2])), {
      code: 'unsupported',
      message: 'The archive X was written by a newer podfreight (index version 2); update podfreight.',
    }),
    shaped('version 0', ({ frame }) => patched(frame, -12, Buffer.from([0])), refused('its index is broken')),
    shaped(
      'a length that is 1 too long',
      ({ frame }) => patched(frame, -20, Buffer.from([(frame.at(-20) ?? 0) + 1])),
      refused('its index is broken'),
    ),
    shaped(
      'a length of 4 GiB',
      ({ frame }) => patched(frame, -20, Buffer.from('ffffffff', 'hex')),
      refused('something else follows its end'),
    ),
    shaped(
      'a frame of another kind',
      ({ frame }) => patched(frame, 0, Buffer.from([0x58])),
      refused('its index is broken'),
    ),
    shaped('the index twice', ({ frame }) => Buffer.concat([frame, frame]), SHORT),
    shaped(
      'an index cut off at its end',
      ({ frame }) => frame.subarray(0, -1),
      refused('something else follows its end'),
    ),
    shaped('an index cut off at its start', ({ frame }) => frame.subarray(512), refused('its index is broken')),
    shaped('something between the tar and the index', ({ frame }) => Buffer.concat([podFile('c3'), frame]), SHORT),
    shaped('no index: the digests are gone, as in an archive from elsewhere', () => Buffer.alloc(0), lands('a1', 'b2')),
    archiveCase(
      'the index of another archive with the same pods',
      async () => {
        const archive = await ours('tar', 'a1', 'b2');
        const other = await ours('tar', 'a1', 'b2');
        other.json.members[1].sha256 = sha256('the memory of another time');
        return withIndex(archive, JSON.stringify(other.json));
      },
      digest('a1.tar'),
    ),
    archiveCase(
      'the index of another archive',
      async () => {
        return withIndex(await ours('tar', 'a1', 'b2'), JSON.stringify((await ours('tar', 'a1', 'b2', 'c3')).json));
      },
      SHORT,
    ),
    hidden(
      'a symbolic link under an honest index',
      [manifestFile('a1'), special('2', 'a1.tar', '/etc/shadow')],
      refused('member "a1.tar" is a symbolic link, not a regular file', CONTENT_ONLY),
      '',
    ),
    hidden(
      'a header `../x.tar` under the name a1.tar',
      [manifestFile('a1'), file('../x.tar', podContent('a1'))],
      refused('member "../x.tar" is neither "checkpointed.pods" nor a "<SandboxID>.tar" at the root', CONTENT_ONLY),
    ),
    hidden(
      'no header at all',
      [manifestFile('a1'), Buffer.alloc(512), podFile('a1').subarray(512)],
      refused('member "a1.tar" has another tar header than its index says', CONTENT_ONLY),
    ),
    hidden(
      'padding that is not zero',
      [manifestFile('a1'), Buffer.from(podFile('a1')).fill('x', 1023)],
      refused('member "a1.tar" is padded with other than zeros', CONTENT_ONLY),
    ),
    hidden(
      'another pod where the end should be',
      [...GOOD_START],
      refused('it does not end where its index says', CONTENT_ONLY),
      podContent('a1'),
      podFile('b2'),
    ),
    ...zstdOnly(),
  ],
};

/** A good plain archive with other bytes behind the tar. */
function shaped(title: string, change: (archive: Ours & { frame: Buffer }) => Buffer, verdict: Verdict) {
  return archiveCase(
    title,
    async () => {
      const archive = await ours('tar', 'a1', 'b2');
      return Buffer.concat([
        archive.wire,
        change({ ...archive, frame: encodeIndexFrame(JSON.stringify(archive.json)) }),
      ]);
    },
    verdict,
  );
}

/** A hostile tar under an index that is right about everything but what is hidden. */
function hidden(
  title: string,
  parts: readonly Buffer[],
  verdict: Verdict,
  content = podContent('a1'),
  end: Buffer = END,
) {
  return archiveCase(
    title,
    async () => {
      const { json, ...archive } = await ours('tar', 'a1');
      const wire = Buffer.concat([...parts, end]);
      const [manifest, pod] = json.members;
      const start = parts[0]!.length;
      const time = '2026-11-22T13:25:34.000Z';
      Object.assign(manifest, { wire: { start: 0, end: start }, modifiedAt: time });
      Object.assign(pod, { sizeBytes: content.length, sha256: sha256(content), modifiedAt: time });
      pod.wire = { start, end: start + 512 + Math.ceil(content.length / 512) * 512 };
      return withIndex({ ...archive, wire, json }, JSON.stringify(json));
    },
    verdict,
  );
}

function zstdOnly() {
  const differ = refused('its seek table and its index differ');
  const misplaced = refused('a zstd frame is not where its index says', CONTENT_ONLY);
  const seek = (title: string, change: (entries: SeekEntries) => SeekEntries, verdict: Verdict) =>
    archiveCase(
      title,
      async () => {
        const archive = await ours('tar+zstd', 'a1', 'b2');
        return withIndex(archive, JSON.stringify(archive.json), change);
      },
      verdict,
    );
  return [
    lying(
      'another frame size',
      (_, index) => {
        index.frameBytes = 1024;
      },
      refused('its index has another frame size'),
      'tar+zstd',
    ),
    lying(
      'frames that do not add up',
      (members) => {
        members[1].frames = [1];
      },
      entry(2),
      'tar+zstd',
    ),
    lying(
      'a frame too many',
      (members) => {
        members[1].frames = [members[1].frames[0] - 1, 1];
      },
      entry(2),
      'tar+zstd',
    ),
    lying(
      'no frames',
      (members) => {
        delete members[1].frames;
      },
      entry(2),
      'tar+zstd',
    ),
    lying(
      'a negative frame',
      (members) => {
        members[1].frames = [-members[1].frames[0]];
      },
      entry(2),
      'tar+zstd',
    ),
    lying(
      'a border between frames that is a byte off',
      (members) => {
        members[1].frames[0] += 1;
        members[1].wire.end += 1;
        members[2].frames[0] -= 1;
        members[2].wire.start += 1;
      },
      misplaced,
      'tar+zstd',
    ),
    lying(
      'a size for which the frame is too short',
      (members) => {
        members[1].sizeBytes += 1024;
      },
      refused('a zstd frame holds 1024 bytes instead of 2048', CONTENT_ONLY),
      'tar+zstd',
    ),
    lying(
      'a pod of 1 PiB in frames of a byte',
      (members) => {
        members[1].sizeBytes = 2 ** 50;
        members[1].frames = Array(1000).fill(1);
      },
      entry(2),
      'tar+zstd',
    ),
    seek(
      'a seek table with another length of a frame',
      (entries) => {
        entries[0]!.compressedBytes += 1;
        return entries;
      },
      differ,
    ),
    seek(
      'a seek table that says a frame is longer inside',
      (entries) => {
        entries[1]!.decompressedBytes += 512;
        return entries;
      },
      differ,
    ),
    seek('a seek table with an entry too many', (entries) => [entries[0]!, ...entries], differ),
    seek('a seek table that leaves a frame out', (entries) => entries.slice(1), differ),
    seek(
      'a seek table that does not know the index: it is not found, and the digests are gone',
      (entries) => entries.slice(0, -1),
      lands('a1', 'b2'),
    ),
    archiveCase(
      'no seek table, so that the index is taken for one of a plain tar',
      async () => {
        const archive = await ours('tar+zstd', 'a1', 'b2');
        return Buffer.concat([archive.wire, encodeIndexFrame(JSON.stringify(archive.json))]);
      },
      OTHER_FORMAT,
    ),
    archiveCase(
      'a plain archive with its index, compressed as a whole: the digests are gone',
      async () => {
        const archive = await ours('tar', 'a1', 'b2');
        return zlib.zstdCompressSync(withIndex(archive, JSON.stringify(archive.json)));
      },
      lands('a1', 'b2'),
    ),
    archiveCase(
      'the same with another pod behind the index',
      async () => {
        const archive = await ours('tar', 'a1', 'b2');
        return zlib.zstdCompressSync(
          Buffer.concat([withIndex(archive, JSON.stringify(archive.json)), podFile('c3'), END]),
        );
      },
      refused('something else follows its end', { unseenBy: ['catalogue'] }),
    ),
  ];
}

/** `frame` with other bytes from `start` on, behind the end where negative; with `crc`, its CRC-32 is right again. */
function patched(frame: Buffer, start: number, bytes: Buffer, { crc = false } = {}): Buffer {
  const changed = Buffer.from(frame);
  bytes.copy(changed, start < 0 ? changed.length + start : start);
  if (crc) changed.writeUInt32LE(zlib.crc32(changed.subarray(8, -20)), changed.length - 16);
  return changed;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
