import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { walkPlain } from '../../core/archive/plain-walk.ts';
import { MemorySource } from '../core/archive/memory-source.ts';
import { archiveOf, content } from '../core/archive/sample.ts';
import { CanaryTree } from './canary.ts';
import { contentsOf, fateOf, flipAll, flipped, type Tally } from './damage.ts';
import { ALL } from './slice.ts';
import { DAMAGED, indexOf, SPECIMENS } from './specimens.ts';
import { inserting } from './ways.ts';

/** Every bit, or every fifth: 5 and 8 have no common factor, so that each place in a byte has its turn. */
const STRIDE = ALL ? 1 : 5;
const RANDOM_FLIPS = ALL ? 3000 : 300;

function bitsOf(bytes: Buffer, stride: number): number[] {
  return Array.from({ length: Math.ceil((bytes.length * 8) / stride) }, (_, i) => i * stride);
}

/** Numbers below `end` that look random, the same each time. */
function randomBits(count: number, end: number): number[] {
  let state = 20_261_122;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * end);
  });
}

/** Both for the counts and for the places. */
const tallies = new Map<string, Promise<Tally>>();

async function tallyOf(name: string): Promise<Tally> {
  const bytes = await SPECIMENS[name]!();
  const tally = tallies.get(name) ?? flipAll(bytes, bitsOf(bytes, STRIDE));
  tallies.set(name, tally);
  return tally;
}

describe('one flipped bit', () => {
  for (const [name, make] of Object.entries(SPECIMENS)) {
    test(`in ${name}`, async () => {
      const bytes = await make();
      const { counts, accepted } = await tallyOf(name);
      const expected = DAMAGED[name]!;
      if (ALL) assert.deepEqual({ bits: bytes.length * 8, ...counts }, expected, 'docs/security.md has these counts');
      else {
        for (const fate of ['verified', 'unverified', 'other'] as const) {
          assert.equal(counts[fate] > 0, expected[fate] > 0, `${fate}: ${counts[fate]}`);
        }
      }
      if (expected.other > 0) return;
      // Read with the same contents, but without digests: what led to them is damaged, and only that.
      const index = await indexOf(bytes);
      const lost = accepted.filter(({ fate }) => fate === 'unverified').map(({ at }) => at >> 3);
      if (index)
        assert.deepEqual(
          lost.filter((at) => at < index.endOfTar.end),
          [],
        );
    });
  }

  test('in the headers of a plain archive is harmless only where a checksum is written another way', async () => {
    const name = 'a plain archive of ours';
    const bytes = await SPECIMENS[name]!();
    const { accepted } = await tallyOf(name);
    const { members } = (await indexOf(bytes))!;
    const checksums = members.map(({ wire }) => ({ start: wire.start + 148, end: wire.start + 156 }));
    const elsewhere = accepted.filter(
      ({ at }) => !checksums.some(({ start, end }) => at >> 3 >= start && at >> 3 < end),
    );
    assert.deepEqual(elsewhere, []);
  });

  test('in a plain archive of the first checkpointctl changes contents, and nothing else', async () => {
    const name = 'a plain archive of the first checkpointctl';
    const bytes = await SPECIMENS[name]!();
    const { accepted } = await tallyOf(name);
    const contents: { start: number; end: number }[] = [];
    for await (const { contentStart, sizeBytes } of walkPlain(new MemorySource(bytes))) {
      contents.push({ start: contentStart, end: contentStart + sizeBytes });
    }
    const other = accepted.filter(({ fate }) => fate === 'other').map(({ at }) => at >> 3);
    assert.deepEqual(
      other.filter((at) => !contents.some(({ start, end }) => at >= start && at < end)),
      [],
    );
  });

  for (const format of ['tar', 'tar+zstd'] as const) {
    test(`at random in the bodies of a larger archive, ${format}`, async () => {
      const pods = { a1: content(200_000), b2: content(100_000, 2), c3: content(50_000, 3) };
      const { bytes } = await archiveOf(pods, format);
      const end = (await indexOf(bytes))!.endOfTar.start * 8;
      const { counts } = await flipAll(bytes, randomBits(RANDOM_FLIPS, end));
      assert.deepEqual([counts.other, counts.unverified], [0, 0]);
      if (format === 'tar') assert.equal(counts.refused, RANDOM_FLIPS);
    });
  }
});

describe('an archive without digests', () => {
  let tree: CanaryTree;
  before(async () => {
    tree = await CanaryTree.plant();
  });
  after(() => tree.remove());

  test('that is damaged inside lands with a warning', async () => {
    const bytes = await SPECIMENS['a plain archive of the first checkpointctl']!();
    const inside = flipped(bytes, (bytes.indexOf('aaaa') + 100) * 8);
    assert.equal(await fateOf(inside, await contentsOf(bytes)), 'other');
    const path = await tree.put('old.tar', inside);
    const { refusal, warnings } = await inserting(path, tree.target);
    assert.equal(refusal, undefined);
    assert.deepEqual(warnings, [
      `${path} carries no digests; that its checkpoints are as they were made could not be verified.`,
    ]);
  });
});
