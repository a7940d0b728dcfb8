import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { KeptPieces, type Piece, requestsFor } from '../../cli/kept-pieces.ts';
import { type ByteRange, rangeLength } from '../../core/range.ts';

const SIZE = 60;

const ranges = fc.tuple(fc.nat(SIZE), fc.nat(SIZE)).map(([a, b]) => ({ start: Math.min(a, b), end: Math.max(a, b) }));
/** A piece that comes, and one of those before it that goes, by its place. */
const steps = fc.array(fc.record({ range: ranges, forgotten: fc.option(fc.nat(24)) }), { maxLength: 25 });

function piece(range: ByteRange, isProven = false): Piece {
  return { ...range, crc: 0, isProven };
}

/** Adds pieces, and forgets some of them again; byte by byte, which piece has each. */
function kept(steps: readonly { range: ByteRange; forgotten: number | null }[]) {
  const pieces = new KeptPieces();
  const added: Piece[] = [];
  const bytes = Array<Piece | undefined>(SIZE).fill(undefined);
  for (const { range, forgotten } of steps) {
    const one = piece(range);
    added.push(one);
    pieces.add(one);
    bytes.fill(one, range.start, range.end);
    const gone = added[forgotten ?? added.length];
    if (gone === undefined) continue;
    pieces.forget(gone);
    for (const [at, has] of bytes.entries()) if (has === gone) bytes[at] = undefined;
  }
  return { pieces, bytes };
}

test('of whatever is asked for, each byte is with the newest piece that has it, or is missing', () => {
  fc.assert(
    fc.property(steps, ranges, (steps, asked) => {
      const { pieces, bytes } = kept(steps);
      let at = asked.start;
      for (const { start, end, piece } of pieces.stretches(asked)) {
        assert.equal(start, at);
        assert.ok(end > start);
        for (const one of bytes.slice(start, end)) assert.equal(one, piece);
        if (piece !== undefined) assert.ok(piece.start <= start && end <= piece.end);
        at = end;
      }
      assert.equal(at, asked.end);
      const isThere = rangeLength(asked) > 0 && !bytes.slice(asked.start, asked.end).includes(undefined);
      assert.equal(pieces.has(asked), isThere);
    }),
    { numRuns: 1000 },
  );
});

test('requests are just what is missing, in order, none longer than it may be, none shorter than it need be', () => {
  fc.assert(
    fc.property(steps, ranges, fc.integer({ min: 1, max: 20 }), (steps, asked, requestBytes) => {
      const { pieces, bytes } = kept(steps);
      const missing = [...pieces.stretches(asked)].filter((stretch) => stretch.piece === undefined);
      // As they are when a piece turns out to be damaged: side by side.
      const halves = missing.flatMap(({ start, end }) => {
        const middle = Math.floor((start + end) / 2);
        return middle === start
          ? [{ start, end }]
          : [
              { start, end: middle },
              { start: middle, end },
            ];
      });
      const requests = [...requestsFor(halves, requestBytes)];
      const wanted = bytes.flatMap((one, at) => (one === undefined && at >= asked.start && at < asked.end ? [at] : []));
      const got = requests.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, i) => start + i));
      assert.deepEqual(got, wanted);
      const least = missing.reduce((sum, range) => sum + Math.ceil(rangeLength(range) / requestBytes), 0);
      assert.equal(requests.length, least);
      for (const request of requests) assert.ok(rangeLength(request) <= requestBytes);
    }),
    { numRuns: 1000 },
  );
});

test('a condition is asked of every piece that has some of it', () => {
  const pieces = new KeptPieces();
  pieces.add(piece({ start: 0, end: 4 }, true));
  pieces.add(piece({ start: 4, end: 8 }));
  const isProven = (start: number, end: number) => pieces.has({ start, end }, (one) => one.isProven);
  assert.deepEqual([isProven(1, 4), isProven(1, 5), isProven(4, 8), isProven(2, 2)], [true, false, false, false]);
});

test('there may be as many as a tebibyte has', () => {
  const pieces = new KeptPieces();
  const count = 2 ** 19;
  let damaged = piece({ start: 0, end: 0 });
  for (let start = 0; start < count; start++) {
    const one = piece({ start, end: start + 1 });
    pieces.add(one);
    if (start === count / 2) damaged = one;
  }
  pieces.forget(damaged);
  assert.ok(!pieces.has({ start: 0, end: count }));
  assert.ok(pieces.has({ start: 0, end: count / 2 }) && pieces.has({ start: count / 2 + 1, end: count }));
});
