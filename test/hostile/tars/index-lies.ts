import { type ArchiveCase, type CaseGroup, lands, refused, type Verdict, type Way } from '../case.ts';
import { CONTENT_ONLY, digest, entry, type Lie, lying, OTHER_FORMAT, SHORT } from './lying.ts';

/** Other values in one member's entry, of a1 when no other is named; undefined takes a key away. */
function says(title: string, change: object | ((entry: Lie) => object), verdict: Verdict = entry(2), member = 1) {
  return lying(
    title,
    (members) => {
      Object.assign(members[member], typeof change === 'function' ? change(members[member]) : change);
    },
    verdict,
  );
}

/** Other values at the top of the index. */
function top(title: string, change: (members: Lie[]) => object, verdict: Verdict) {
  return lying(title, (members, index) => JSON.stringify({ ...index, ...change(members) }), verdict);
}

/** The index's text with something put before its first key. */
function before(title: string, key: string, verdict: Verdict) {
  return lying(title, (_, index) => JSON.stringify(index).replace('{', () => `{${key},`), verdict);
}

const header = (name: string) => refused(`member "${name}" has another tar header than its index says`, CONTENT_ONLY);
const NO_MEMBERS = refused('its index has no members');
const NO_JSON = refused('its index is no JSON');
const TOO_MANY = refused('its index has too many values');
const EVERYBODY = { unseenBy: [] as readonly Way[] };
const TOO_MANY_MEMBERS = refused('its index has too many members');
/** More than the catalogue reads of any archive, and only now and then. */
const LARGE: Pick<ArchiveCase, 'slow' | 'ways'> = { slow: true, ways: ['insert', 'show', 'push'] };
const MILLION = 1_000_000;

export const indexLies: CaseGroup = {
  title: 'What an index says',
  cases: [
    lying('an index that says what is so', () => {}, lands('a1', 'b2')),
    lying('an index that says what is so', () => {}, lands('a1', 'b2'), 'tar+zstd'),
    before('a key that nobody knows', '"x":[1,{"y":null}]', lands('a1', 'b2')),
    before('the key `__proto__`', '"__proto__":{"polluted":true}', lands('a1', 'b2')),
    before('a key with 10,000 levels', `"x":${'['.repeat(10_000)}${']'.repeat(10_000)}`, lands('a1', 'b2')),
    says('a CRC-32 that is wrong: only bundles use it, and S3 checks it', { wireCrc32: 0 }, lands('a1', 'b2')),
    says('ranges that overlap', ({ wire }) => ({ wire: { ...wire, start: wire.start - 512 } }), entry(3), 2),
    lying(
      'a gap between ranges',
      ([, , { wire }]) => {
        wire.start += 512;
        wire.end += 512;
      },
      entry(3),
    ),
    lying(
      'a range beyond the end',
      ([, , pod]) => {
        pod.sizeBytes += 2 ** 20;
        pod.wire.end += 2 ** 20;
      },
      SHORT,
    ),
    says('a range of 2^53 - 1 bytes', ({ wire }) => ({ wire: { ...wire, end: 2 ** 53 - 1 } })),
    says('a range that ends before it starts', ({ wire }) => ({ wire: { ...wire, end: 0 } })),
    says('a first range that does not start at 0', { wire: { start: 512, end: 1024 } }, entry(1), 0),
    says('a negative start', { wire: { start: -1024, end: 1024 } }, entry(1), 0),
    says('a fraction of a byte', ({ wire }) => ({ wire: { ...wire, start: wire.start + 0.5 } })),
    says('a start in quotes', ({ wire }) => ({ wire: { ...wire, start: String(wire.start) } })),
    lying('a start of 1e999', (_, index) => JSON.stringify(index).replace('"start":0', '"start":1e999'), entry(1)),
    says('no range', { wire: undefined }),
    says('a range as an array', { wire: [0, 1024] }),
    says('a size that is one byte short', ({ sizeBytes }) => ({ sizeBytes: sizeBytes - 1 }), header('a1.tar')),
    says('a size of 0', { sizeBytes: 0, headerBytes: 1024 }, header('a1.tar')),
    says('a negative size', { sizeBytes: -1 }),
    says('a size of 2^53', { sizeBytes: 2 ** 53 }),
    says('no header', { headerBytes: 0 }),
    says('half a header', { headerBytes: 256 }),
    says('a header of 2 MiB', { headerBytes: 2 ** 21 }),
    says('a digest of other bytes', { sha256: '0'.repeat(64) }, digest('a1.tar')),
    lying(
      'the digests of two pods swapped',
      (members) => {
        [members[1].sha256, members[2].sha256] = [members[2].sha256, members[1].sha256];
      },
      digest('a1.tar'),
    ),
    says('another digest of the manifest', { sha256: '0'.repeat(64) }, digest('checkpointed.pods', EVERYBODY), 0),
    says('a digest in capitals', ({ sha256 }) => ({ sha256: sha256.toUpperCase() })),
    says('an empty digest', { sha256: '' }),
    says('no digest', { sha256: undefined }),
    says('a time that is not the header’s', { modifiedAt: '2001-01-01T00:00:00.000Z' }, header('a1.tar')),
    says('a time that is none', { modifiedAt: 'yesterday' }),
    says('a CRC-32 of 33 bits', { wireCrc32: 2 ** 32 }),
    lying(
      'the names of two pods swapped',
      (members) => {
        [members[1].name, members[2].name] = [members[2].name, members[1].name];
      },
      header('b2.tar'),
    ),
    says('the name `../x.tar`', { name: '../x.tar' }),
    says('the name `./a1.tar`', { name: './a1.tar' }),
    says(
      'a name that is not in the manifest',
      { name: 'c3.tar' },
      refused('member "c3.tar" is not named by its checkpointed.pods', { unseenBy: ['show'] }),
    ),
    says('the same name twice', { name: 'b2.tar' }, entry(3)),
    says('a name that is an object', { name: { toString: 'a1.tar' } }),
    says('a pod with the manifest’s name', { name: 'checkpointed.pods' }),
    top('the manifest not first', (members) => ({ members: members.toReversed() }), entry(1)),
    top('no manifest', (members) => ({ members: members.slice(1) }), entry(1)),
    top('a pod left out', (members) => ({ members: members.slice(0, -1) }), SHORT),
    lying(
      'the bytes of one pod under two names',
      (members) => {
        const { end } = members[2].wire;
        members.push({ ...members[1], name: 'c3.tar', wire: { start: end, end: end + 1024 } });
      },
      SHORT,
    ),
    top('no members', () => ({ members: [] }), NO_MEMBERS),
    top('members that are null', () => ({ members: null }), NO_MEMBERS),
    top('members that are an object', (members) => ({ members: { ...members, length: 3 } }), NO_MEMBERS),
    top('a member that is null', (members) => ({ members: members.with(1, null) }), entry(2)),
    {
      ...top('100,001 members', ([manifest]) => ({ members: Array(100_001).fill(manifest) }), TOO_MANY_MEMBERS),
      ...LARGE,
    },
    lying('an index that is null', () => 'null', OTHER_FORMAT),
    lying('an index that is an array', () => '[]', OTHER_FORMAT),
    top('an index of another format', () => ({ format: 'tar+zstd' }), OTHER_FORMAT),
    lying('an index without JSON', () => '', NO_JSON),
    lying('an index with text behind the JSON', (_, index) => `${JSON.stringify(index)}x`, NO_JSON),
    lying('a comment in the index', (_, index) => `/* */${JSON.stringify(index)}`, NO_JSON),
    before('a million empty arrays', `"x":[${'[],'.repeat(MILLION)}0]`, TOO_MANY),
    before('a million empty objects', `"x":[${'{},'.repeat(MILLION)}0]`, TOO_MANY),
    before('a million levels', `"x":${'['.repeat(MILLION)}${']'.repeat(MILLION)}`, TOO_MANY),
    before('four million strings', `"x":[${'"",'.repeat(4 * MILLION)}0]`, TOO_MANY),
    {
      ...before('sixteen million numbers', `"x":[${'1,'.repeat(16 * MILLION)}0]`, TOO_MANY),
      slow: true,
      ways: ['insert', 'show', 'push'],
    },
  ],
};
