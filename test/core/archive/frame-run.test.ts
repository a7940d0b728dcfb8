import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FRAME_BYTES, PLAIN_PIECE_BYTES } from '../../../core/archive/format.ts';
import { contentOf, type Frame, framesOf, runsOf } from '../../../core/archive/frame-run.ts';
import { type IndexedMember, tarBytes } from '../../../core/archive/member.ts';
import { rangeLength } from '../../../core/range.ts';
import { MODIFIED_AT } from './sample.ts';

/** Members side by side as an index has them; zstd frames are as long as `frame` says. */
function members(sizes: readonly number[], frame?: number): IndexedMember[] {
  let start = 0;
  return sizes.map((sizeBytes, i) => {
    const base = { name: `${i}.tar`, sizeBytes, modifiedAt: MODIFIED_AT, sha256: '', headerBytes: 512, wireCrc32: 0 };
    const total = tarBytes(base);
    const frames = frame === undefined ? undefined : Array<number>(Math.ceil(total / FRAME_BYTES)).fill(frame);
    const end = start + (frames === undefined ? total : frames.length * frame!);
    const member = { ...base, wire: { start, end }, ...(frames && { frames }) };
    start = end;
    return member;
  });
}

const sizes = fc.array(fc.oneof(fc.nat(2000), fc.nat(3 * FRAME_BYTES)), { minLength: 1, maxLength: 8 });
const zstdFrame = fc.option(fc.integer({ min: 1, max: FRAME_BYTES }), { nil: undefined });

test('frames follow each other in the tar and in the object, and hold all of the content', () => {
  fc.assert(
    fc.property(sizes, zstdFrame, (sizes, frame) => {
      for (const member of members(sizes, frame)) {
        const frames = [...framesOf(member)];
        let tar = 0;
        let wire = member.wire.start;
        let content = 0;
        for (const [i, one] of frames.entries()) {
          assert.deepEqual([one.tar.start, one.wire.start, contentOf(one).start], [tar, wire, content]);
          assert.ok(rangeLength(one.tar) <= (frame === undefined ? PLAIN_PIECE_BYTES : FRAME_BYTES));
          assert.equal(one.isLast, i === frames.length - 1);
          tar = one.tar.end;
          wire = one.wire.end;
          content = contentOf(one).end;
        }
        assert.deepEqual([tar, wire, content], [tarBytes(member), member.wire.end, member.sizeBytes]);
      }
    }),
  );
});

test('runs hold all frames in order, neighbours together up to the length of a read, picked ones alone', () => {
  const read = fc.integer({ min: 1, max: 4 * FRAME_BYTES });
  fc.assert(
    fc.property(sizes, zstdFrame, read, fc.nat(5), fc.nat(7), (sizes, frame, readBytes, every, skipped) => {
      const wanted = members(sizes, frame).filter((_, i) => i !== skipped);
      const frames = wanted.flatMap((member) => [...framesOf(member)]);
      const isPicked = (one: Frame) => every > 0 && frames.indexOf(one) % (every + 1) === 0;
      const runs = [...runsOf(frames, readBytes, isPicked)];
      assert.deepEqual(
        runs.flatMap((run) => run.frames),
        frames,
      );
      for (const {
        frames: [first, ...rest],
        wire,
        isAlone,
      } of runs) {
        assert.equal(isAlone, isPicked(first!));
        assert.ok(rest.length === 0 || (!isAlone && rangeLength(wire) <= readBytes));
        assert.ok(!rest.some(isPicked));
        let { end } = first!.wire;
        for (const next of rest) {
          assert.equal(next.wire.start, end);
          end = next.wire.end;
        }
        assert.deepEqual(wire, { start: first!.wire.start, end });
      }
      for (const [i, run] of runs.slice(1).entries()) {
        const before = runs[i]!;
        const together = run.wire.end - before.wire.start;
        const couldJoin = !before.isAlone && !run.isAlone && before.wire.end === run.wire.start;
        const joined = before.wire.end === run.wire.start ? run.frames[0]!.wire.end - before.wire.start : together;
        assert.ok(!couldJoin || joined > readBytes, 'neighbours that fit into one read are in one');
      }
    }),
  );
});
