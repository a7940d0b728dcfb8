import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { minCopyBytes, type PartLimits, S3_PART_LIMITS } from '../../../core/bundle/part-limits.ts';
import type { PartPlan, PlannedPart, Segment } from '../../../core/bundle/plan.ts';
import { composeRequests, planParts } from '../../../core/bundle/plan-parts.ts';
import { segmentLength, segmentsLength } from '../../../core/bundle/segments.ts';
import { rangeLength } from '../../../core/range.ts';

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;

/** S3's rules with a few bytes for MiB. */
const SMALL: PartLimits = {
  minPartBytes: 5,
  maxPartBytes: 64,
  maxParts: 50,
  maxObjectBytes: 2500,
  copyPartBytes: 16,
  uploadPartBytes: 12,
};

const SOURCES = [11, 23, 47].map((step, source) =>
  Buffer.from(Array.from({ length: 600 }, (_, i) => (i * step + source) % 251)),
);

const segment: fc.Arbitrary<Segment> = fc.oneof(
  {
    weight: 1,
    arbitrary: fc
      .uint8Array({ maxLength: 20 })
      .map((bytes): Segment => ({ kind: 'literal', bytes: Buffer.from(bytes) })),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.nat(SOURCES.length - 1), fc.nat(500), fc.oneof(fc.nat(12), fc.nat(100)))
      .map(([source, start, length]): Segment => ({ kind: 'range', source, range: { start, end: start + length } })),
  },
);

/** Mostly scattered, sometimes cut from one long range, so that touching ranges occur. */
const segments = fc.oneof(
  fc.array(segment, { maxLength: 30 }),
  fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 12 }).map((lengths) => {
    let start = 0;
    return lengths.map((length): Segment => {
      const range = { start, end: start + length };
      start = range.end;
      return { kind: 'range', source: 0, range };
    });
  }),
);

function bytesOf(pieces: readonly Segment[]): Buffer {
  return Buffer.concat(
    pieces.map((piece) =>
      piece.kind === 'literal' ? piece.bytes : SOURCES[piece.source]!.subarray(piece.range.start, piece.range.end),
    ),
  );
}

function partBytes(part: PlannedPart): Buffer {
  return bytesOf(part.kind === 'copy' ? [{ ...part, kind: 'range' }] : part.segments);
}

function partLength(part: PlannedPart): number {
  return part.kind === 'copy' ? rangeLength(part.range) : part.sizeBytes;
}

function uploadedBytes(plan: PartPlan): number {
  return plan.parts.reduce((sum, part) => sum + (part.kind === 'upload' ? part.sizeBytes : 0), 0);
}

function assertWithin(plan: PartPlan, limits: PartLimits): void {
  assert.ok(plan.parts.length <= limits.maxParts, `${plan.parts.length} parts`);
  for (const [i, part] of plan.parts.entries()) {
    const length = partLength(part);
    const last = i === plan.parts.length - 1;
    assert.ok(length >= (last ? 1 : limits.minPartBytes), `part ${i} has ${length} bytes`);
    assert.ok(length <= (part.kind === 'copy' ? limits.maxPartBytes : limits.uploadPartBytes), `part ${i}: ${length}`);
    if (part.kind === 'copy') assert.ok(length >= minCopyBytes(limits), `copy ${i} has ${length} bytes`);
    else assert.equal(segmentsLength(part.segments), part.sizeBytes);
  }
}

const isSmall = (piece: Segment, limits: PartLimits) =>
  piece.kind === 'literal' || segmentLength(piece) < minCopyBytes(limits);

/** Stretches of small segments, each of which may cost an upload of its own. */
function smallStretches(pieces: readonly Segment[], limits: PartLimits): number {
  const filled = pieces.filter((piece) => segmentLength(piece) > 0);
  return filled.filter((piece, i) => isSmall(piece, limits) && (i === 0 || !isSmall(filled[i - 1]!, limits))).length;
}

test('the parts are the wished bytes, keep to the limits, and upload little', () => {
  fc.assert(
    fc.property(segments, (pieces) => {
      const limits = { ...SMALL, maxParts: 1000 };
      const plan = planParts(pieces, { limits });
      assert.deepEqual(Buffer.concat(plan.parts.map(partBytes)), bytesOf(pieces));
      assert.equal(plan.sizeBytes, segmentsLength(pieces));
      assertWithin(plan, limits);

      const small = pieces
        .filter((piece) => isSmall(piece, limits))
        .reduce((sum, piece) => sum + segmentLength(piece), 0);
      const stretches = smallStretches(pieces, limits);
      assert.ok(uploadedBytes(plan) <= small + stretches * 2 * limits.minPartBytes, `${uploadedBytes(plan)} uploaded`);

      const requests = pieces.reduce((sum, piece) => sum + Math.ceil(segmentLength(piece) / limits.copyPartBytes), 0);
      const uploads = stretches + Math.ceil(uploadedBytes(plan) / (limits.uploadPartBytes / 2));
      assert.ok(plan.parts.length <= requests + uploads, `${plan.parts.length} parts`);
    }),
    { numRuns: 2000 },
  );
});

test('where 50 parts are few, copies grow, or the plan is refused', () => {
  let refused = 0;
  fc.assert(
    fc.property(fc.array(segment, { minLength: 30, maxLength: 80 }), (pieces) => {
      let plan: PartPlan;
      try {
        plan = planParts(pieces, { limits: SMALL });
      } catch (error) {
        assert.equal((error as { code: string }).code, 'unsupported');
        refused += 1;
        return;
      }
      assert.deepEqual(Buffer.concat(plan.parts.map(partBytes)), bytesOf(pieces));
      assertWithin(plan, SMALL);
    }),
    { numRuns: 500 },
  );
  assert.ok(refused < 450, `${refused} of 500 refused`);
});

test('with 10 MiB to spare beside it, a small stretch borrows up to 5 MiB and no more', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 30 }), fc.integer({ min: 11, max: 500 }), (head, length) => {
      const big: Segment = { kind: 'range', source: 0, range: { start: 0, end: length } };
      const plan = planParts([{ kind: 'literal', bytes: Buffer.from(head) }, big], { limits: SMALL });
      assert.equal(uploadedBytes(plan), Math.max(head.length, SMALL.minPartBytes));
    }),
  );
});

test('bytes are borrowed from the left before a neighbour on the right is touched', () => {
  const plan = planParts([range(0, 0, 30), { kind: 'literal', bytes: Buffer.from('ab') }, range(1, 0, 30)], {
    limits: SMALL,
  });
  assert.deepEqual(
    plan.parts.map((part) => (part.kind === 'copy' ? part.range : part.sizeBytes)),
    [{ start: 0, end: 14 }, { start: 14, end: 27 }, 5, { start: 0, end: 15 }, { start: 15, end: 30 }],
  );
});

test('touching ranges of one source are copied as one', () => {
  const plan = planParts([range(0, 0, 3), range(0, 3, 5), range(0, 5, 14)], { limits: SMALL });
  assert.deepEqual(plan.parts, [{ kind: 'copy', source: 0, range: { start: 0, end: 14 } }]);
});

test('a CRC-32 is handed on', () => {
  assert.equal(planParts([], { crc32: 0 }).crc32, 0);
  assert.equal('crc32' in planParts([]), false);
});

/** Where the bytes of segments come from: [source or literal, start, end], joined where they touch. */
function origins(pieces: readonly Segment[], literals: Map<ArrayBufferLike, string>): [string, number, number][] {
  const found: [string, number, number][] = [];
  for (const piece of pieces) {
    if (segmentLength(piece) === 0) continue;
    const [from, start] =
      piece.kind === 'range'
        ? [`source ${piece.source}`, piece.range.start]
        : [literals.get(piece.bytes.buffer) ?? 'unknown', piece.bytes.byteOffset];
    const last = found.at(-1);
    if (last?.[0] === from && last[2] === start) last[2] = start + segmentLength(piece);
    else found.push([from, start, start + segmentLength(piece)]);
  }
  return found;
}

const EDGES = [0, 5 * MiB, 10 * MiB, 16 * MiB, 192 * MiB, 288 * MiB, 5 * GiB, 1280 * GiB, 25e12, 49e12];
const edgeLength = fc
  .tuple(fc.constantFrom(...EDGES), fc.integer({ min: -2, max: 2 }))
  .map(([edge, beside]) => Math.max(0, edge + beside));
const edgeSegment: fc.Arbitrary<Segment> = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(0, 1, 5 * MiB - 1, 5 * MiB, 17 * MiB).map((length) => literal(length)) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.nat(3), fc.nat(2 ** 40), edgeLength)
      .map(([source, start, length]) => range(source, start, start + length)),
  },
);

test('at the limits of S3 itself the parts are the wished bytes and keep to every limit', () => {
  let planned = 0;
  fc.assert(
    fc.property(fc.array(edgeSegment, { maxLength: 12 }), (pieces) => {
      const literals = new Map(
        pieces.flatMap((piece, i) => (piece.kind === 'literal' ? [[piece.bytes.buffer, `literal ${i}`] as const] : [])),
      );
      if (segmentsLength(pieces) > S3_PART_LIMITS.maxObjectBytes) {
        assert.throws(() => planParts(pieces), { code: 'unsupported' });
        return;
      }
      planned += 1;
      const plan = planParts(pieces);
      assertWithin(plan, S3_PART_LIMITS);
      const made = plan.parts.flatMap((part) =>
        part.kind === 'copy' ? [{ ...part, kind: 'range' } as const] : part.segments,
      );
      assert.deepEqual(origins(made, literals), origins(pieces, literals));
      const small = pieces.filter((piece) => isSmall(piece, S3_PART_LIMITS));
      const stretches = smallStretches(pieces, S3_PART_LIMITS);
      assert.ok(uploadedBytes(plan) <= segmentsLength(small) + stretches * 10 * MiB);
    }),
    { numRuns: 200 },
  );
  assert.ok(planned > 50, `${planned} planned`);
});

test('composing takes a request for each part, each range read for one, and three more', () => {
  assert.equal(composeRequests(planParts([])), 1);
  assert.equal(composeRequests(planParts([literal(3), range(0, 0, 5)])), 2);
  assert.equal(composeRequests(planParts([literal(3), range(0, 0, 20 * MiB), literal(3)])), 1 + 3 + 3);
});

function range(source: number, start: number, end: number): Segment {
  return { kind: 'range', source, range: { start, end } };
}

const literal = (length: number): Segment => ({ kind: 'literal', bytes: Buffer.alloc(length) });

/** Kinds and lengths of the parts at S3's own limits. */
function realPlan(pieces: readonly Segment[]): string[] {
  const plan = planParts(pieces);
  assertWithin(plan, S3_PART_LIMITS);
  assert.equal(
    plan.parts.reduce((sum, part) => sum + partLength(part), 0),
    segmentsLength(pieces),
  );
  return plan.parts.map((part) => `${part.kind} ${partLength(part)}`);
}

test('no bytes need no part', () => {
  assert.deepEqual(realPlan([]), []);
  assert.deepEqual(realPlan([literal(0), range(0, 7, 7)]), []);
});

test('5 MiB and a byte are the least S3 copies', () => {
  assert.deepEqual(realPlan([range(0, 0, 5 * MiB - 1), range(1, 0, 1)]), [`upload ${5 * MiB}`]);
  assert.deepEqual(realPlan([range(0, 0, 5 * MiB)]), [`upload ${5 * MiB}`]);
  assert.deepEqual(realPlan([range(0, 0, 5 * MiB + 1)]), [`copy ${5 * MiB + 1}`]);
});

test('a small head takes 5 MiB of a neighbour that can spare them, or a smaller one whole', () => {
  assert.deepEqual(realPlan([literal(1), range(0, 0, 10 * MiB)]), [`upload ${5 * MiB}`, `copy ${5 * MiB + 1}`]);
  assert.deepEqual(realPlan([literal(1), range(0, 0, 10 * MiB - 1)]), [`upload ${10 * MiB}`]);
  assert.deepEqual(realPlan([literal(5 * MiB), range(0, 0, 6 * MiB)]), [`upload ${5 * MiB}`, `copy ${6 * MiB}`]);
});

test('a last part may be a byte', () => {
  assert.deepEqual(realPlan([range(0, 0, 9 * MiB), literal(1)]), [`copy ${9 * MiB}`, 'upload 1']);
});

test('copies of 5 GiB and beyond are cut near 192 MiB', () => {
  for (const size of [5 * GiB - 1, 5 * GiB, 5 * GiB + 1]) {
    assert.equal(realPlan([range(0, 0, size)]).length, 27);
  }
  assert.deepEqual(realPlan([range(0, 0, 288 * MiB - 1)]), [`copy ${288 * MiB - 1}`]);
  assert.deepEqual(realPlan([range(0, 0, 288 * MiB)]), [`copy ${144 * MiB}`, `copy ${144 * MiB}`]);
});

test('long uploads are cut to what memory holds', () => {
  assert.deepEqual(realPlan([literal(16 * MiB + 1)]), [`upload ${8 * MiB + 1}`, `upload ${8 * MiB}`]);
});

test('only when 10,000 parts of 192 MiB do not hold it, parts become longer, and never fewer than they must', () => {
  const full = 10_000 * 192 * MiB;
  assert.equal(realPlan([range(0, 0, full)])[0], `copy ${192 * MiB}`);
  for (const size of [full, full + 1, 2 * full, 3.7 * full, 50e12]) {
    const lengths = realPlan([range(0, 0, size)]);
    assert.equal(lengths.length, 10_000, `${size}`);
  }
  const many = Array.from({ length: 9000 }, (_, i) => range(i, 0, 195 * MiB));
  const parts = realPlan([...many, range(9000, 0, 2 * full)]);
  assert.ok(parts.length > 9990 && parts.length <= 10_000, `${parts.length} parts`);
});

test('an object of 50 TB fits, a byte more is refused', () => {
  assert.ok(realPlan([literal(1000), range(0, 0, 50e12 - 2000), literal(1000)]).length <= 10_000);
  assert.throws(() => planParts([range(0, 0, 50e12 + 1)]), { code: 'unsupported', message: /50000000000000/ });
});

test('more big ranges than parts are refused', () => {
  const pods = Array.from({ length: 10_001 }, (_, i) => range(i, 0, GiB));
  assert.throws(() => planParts(pods), { code: 'unsupported', message: /10000 parts/ });
});
