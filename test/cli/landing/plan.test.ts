import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Comparison,
  type LandingPlan,
  ON_CONFLICT,
  type OnConflict,
  planLanding,
} from '../../../cli/landing/plan.ts';
import type { ManifestPod } from '../../../core/manifest/manifest.ts';
import { manifest, pod } from '../pods.ts';

const NEW = pod('x');
const OLD = pod('x', { configSeen: 'earlier' });
const BYSTANDER = pod('bystander');

function plan(entry: ManifestPod | undefined, file: Comparison, onConflict: OnConflict): LandingPlan {
  return planLanding({
    present: entry ? manifest(entry, BYSTANDER) : manifest(BYSTANDER),
    arriving: manifest(NEW),
    files: new Map([['x.tar', file]]),
    onConflict,
    target: 'T',
  });
}

function summary({ outcomes, link, swap, keep, between, after, changes }: LandingPlan) {
  const entryOf = (read: typeof after | undefined) => {
    const found = read?.pods?.find(({ sandboxId }) => sandboxId === 'x');
    return found === undefined ? 'none' : found.configSeen === 'earlier' ? 'old' : 'new';
  };
  const does = link.length > 0 ? 'link' : swap.length > 0 ? 'swap' : keep.length > 0 ? 'keep' : 'leave';
  const way = between ? `${entryOf(between)}, ${entryOf(after)}` : entryOf(after);
  assert.equal(changes, ['inserted', 'replaced'].includes(outcomes[0]!.outcome));
  return `${outcomes[0]!.outcome}: ${does}, entry ${way}`;
}

const REFUSED = 'refused';

/** Entry in the target, its file compared with the one arriving, then what refuse, skip and replace do. */
const CASES: readonly (readonly ['none' | 'same' | 'other', Comparison, string, string, string])[] = [
  ['none', 'absent', ...same('inserted: link, entry new')],
  ['none', 'same', ...same('inserted: swap, entry new')],
  ['none', 'other', REFUSED, 'skipped: leave, entry none', 'replaced: swap, entry new'],
  ['same', 'absent', ...same('inserted: link, entry new')],
  ['same', 'same', ...same('unchanged: keep, entry new')],
  ['same', 'other', REFUSED, 'skipped: leave, entry new', 'replaced: swap, entry new'],
  ['other', 'absent', REFUSED, 'skipped: leave, entry old', 'replaced: link, entry none, new'],
  ['other', 'same', REFUSED, 'skipped: leave, entry old', 'replaced: keep, entry new'],
  ['other', 'other', REFUSED, 'skipped: leave, entry old', 'replaced: swap, entry none, new'],
];

function same(outcome: string): [string, string, string] {
  return [outcome, outcome, outcome];
}

for (const [entry, file, ...expected] of CASES) {
  for (const [i, onConflict] of ON_CONFLICT.entries()) {
    test(`entry ${entry}, file ${file}, ${onConflict}: ${expected[i]}`, () => {
      const present = { none: undefined, same: NEW, other: OLD }[entry];
      if (expected[i] === REFUSED) {
        assert.throws(() => plan(present, file, onConflict), { code: 'conflict', message: /default\/pod-x \(x\)/ });
      } else {
        assert.equal(summary(plan(present, file, onConflict)), expected[i]);
      }
    });
  }
}

test('entries keep their places, and new ones come behind', () => {
  const { after } = planLanding({
    present: { ...manifest(OLD, BYSTANDER), version: 7n },
    arriving: manifest(pod('y'), NEW),
    files: new Map([
      ['x.tar', 'other'],
      ['y.tar', 'absent'],
    ]),
    onConflict: 'replace',
    target: 'T',
  });
  assert.deepEqual(after, { ...manifest(NEW, BYSTANDER, pod('y')), version: 7n });
});

test('a target without a manifest gets that of the archive', () => {
  const arriving = { ...manifest(NEW), version: 3n };
  const { after } = planLanding({ present: undefined, arriving, files: new Map(), onConflict: 'refuse', target: 'T' });
  assert.deepEqual(after, arriving);
});

test('all collisions are named at once', () => {
  const question = {
    arriving: manifest(NEW, pod('y')),
    onConflict: 'refuse',
    target: 'T',
    present: undefined,
  } as const;
  const files = new Map<string, Comparison>([
    ['x.tar', 'other'],
    ['y.tar', 'other'],
  ]);
  assert.throws(() => planLanding({ ...question, files }), {
    code: 'conflict',
    subject: { target: 'T', sandboxIds: ['x', 'y'] },
  });
});
