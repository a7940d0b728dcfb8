import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import { readCorpus } from '../../bench/inputs/corpus.ts';
import { makeUpOf } from '../../bench/inputs/make-up.ts';
import { PageStream } from '../../bench/inputs/pages.ts';

const MIB = 1024 ** 2;

suite('pages of real processes, scaled up', () => {
  let corpus: Buffer;
  before(async () => {
    corpus = await readCorpus();
  });
  const pages = (sizeBytes: number, seed: string) => {
    const bytes = Buffer.alloc(sizeBytes);
    new PageStream(corpus, seed).fill(bytes);
    return bytes;
  };

  test('are the same for the same seed, however they are asked for', () => {
    const stream = new PageStream(corpus, 'seed');
    const pieces = [3, 1, 4].map((size) => Buffer.alloc(size * 64 * 4096));
    for (const piece of pieces) stream.fill(piece);
    assert.ok(Buffer.concat(pieces).equals(pages(8 * 64 * 4096, 'seed')));
    assert.ok(!pages(MIB, 'seed').equals(pages(MIB, 'another seed')));
  });

  test('compress as the real ones do, in frames as in one stream, with pages of zeros and some that come again', () => {
    const real = makeUpOf(corpus);
    const made = makeUpOf(pages(32 * MIB, 'seed'));
    for (const share of ['inFrames', 'inOneStream'] as const) {
      assert.ok(Math.abs(made[share] - real[share]) < 0.02, `${share}: ${made[share]} instead of ${real[share]}`);
    }
    assert.ok(Math.abs(made.zeroPages - real.zeroPages) < 0.005);
    assert.ok(made.repeatedPages > 0.0005 && made.repeatedPages < 0.1);
  });
});
