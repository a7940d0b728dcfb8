import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compareSequencers, isSequencer, sequencerAfter, sequencerOrder } from '../../../core/catalogue/sequencer.ts';

test('pads the shorter sequencer on the right', () => {
  assert.ok(compareSequencers('0055AED6DCD90281E5', '0055AED6DCD90281E50') === 0);
  assert.ok(compareSequencers('1', '0F') > 0);
  assert.ok(compareSequencers('0010', '00101') < 0);
  assert.ok(compareSequencers('00a', '00B') < 0);
  assert.equal(compareSequencers('0055aed6', '0055AED6'), 0);
});

test('compares as S3 says, and its sorting form agrees', () => {
  const hex = fc.string({ unit: fc.constantFrom(...'0123456789ABCDEF'), minLength: 1, maxLength: 32 });
  fc.assert(
    fc.property(hex, hex, (a, b) => {
      const longest = Math.max(a.length, b.length);
      const [x, y] = [a.padEnd(longest, '0'), b.padEnd(longest, '0')];
      assert.equal(Math.sign(compareSequencers(a, b)), x < y ? -1 : x > y ? 1 : 0);
      assert.equal(sequencerOrder(a) < sequencerOrder(b), x < y);
    }),
  );
});

test('refuses what is no sequencer', () => {
  for (const text of ['', 'xyz', '12 ', '0x12', 'F'.repeat(33)]) {
    assert.equal(isSequencer(text), false);
    assert.throws(() => sequencerOrder(text), { code: 'internal' });
  }
});

test('a sequencer of our own lies behind the last one and before all that S3 tells of later', () => {
  const first = new Date('2026-11-22T13:20:00Z');
  const last = '0055AED6DCD90281E5';
  const found = sequencerAfter(last, first);
  assert.ok(compareSequencers(found, last) > 0);
  assert.ok(compareSequencers(found, '0055AED6DCD90281E6') < 0);
  assert.ok(compareSequencers(found, '0055AED6DCD90281E50A') < 0, 'also one that is longer');
  assert.ok(compareSequencers(sequencerAfter(found, new Date('2026-11-22T13:20:01Z')), found) > 0);
  assert.ok(
    compareSequencers(sequencerAfter(found, new Date('2020-01-01T00:00:00Z')), found) > 0,
    'a clock that is slow',
  );
  assert.ok(compareSequencers(sequencerAfter(found, first), '0055AED6DCD90281E6') < 0);
  assert.ok(compareSequencers(sequencerAfter(undefined, first), '000000000000000001') < 0, 'without any event');
  assert.equal(sequencerAfter('F'.repeat(32), first), 'F'.repeat(32));
});
