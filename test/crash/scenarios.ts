import type { OnConflict } from '../../cli/landing/plan.ts';
import type { ArchiveFormat } from '../../core/archive/format.ts';
import { pod } from '../cli/pods.ts';
import type { TextPod } from '../e2e/bundle.ts';
import type { Call } from './trap.ts';

/** What `podfreight insert` is given. */
export interface Bundle {
  readonly pods: readonly TextPod[];
  /** Gzip has no index, as an archive from elsewhere. */
  readonly format?: ArchiveFormat;
  readonly onConflict?: OnConflict;
  /** A `--pod`. */
  readonly only?: string;
}

/** An insert, and what the target is before and after it. */
export interface Scenario {
  readonly what: string;
  /** The pods that the target's manifest names; none: there is no target yet. */
  readonly before: readonly TextPod[];
  /** Pods of `before` whose files are gone. */
  readonly missing?: readonly string[];
  /** Files that no manifest names. */
  readonly unlisted?: readonly TextPod[];
  /** An insert that was killed earlier, just before the first call of which this is true. */
  readonly dead?: {
    /** What the manifest named before it; absent: `before`. */
    readonly before?: readonly TextPod[];
    readonly bundle: Bundle;
    readonly killedBefore: (call: Call) => boolean;
  };
  readonly bundle: Bundle;
  readonly after: readonly TextPod[];
}

function textPod(sandboxId: string, text = `bytes of ${sandboxId}`, configSeen = 'once'): TextPod {
  return { entry: pod(sandboxId, { configSeen }), text };
}

const KEPT = textPod('kept');
const X = textPod('x');
const Y = textPod('y');
/** So long that it is written in several pieces. */
const LONG = textPod('long', 'some memory '.repeat(300_000));

const SWAPPED = { before: textPod('swapped', 'before'), after: textPod('swapped', 'after') };
/** Entry and file change: while the file does, no manifest may name it. */
const TORN = { before: textPod('torn', 'before', 'before'), after: textPod('torn', 'after', 'after') };
/** Only the entry changes. */
const RENAMED = { before: textPod('renamed', 'same', 'before'), after: textPod('renamed', 'same', 'after') };
const UNLISTED = textPod('unlisted');

const REPLACING: Bundle = {
  pods: [X, UNLISTED, TORN.after, SWAPPED.after, RENAMED.after],
  onConflict: 'replace',
};
const REPLACED = [KEPT, TORN.before, SWAPPED.before, RENAMED.before];

export const REPLACING_EVERYTHING: Scenario = {
  what: 'in place of other bytes, another entry, both, and of a file without an entry',
  before: REPLACED,
  unlisted: [UNLISTED],
  bundle: REPLACING,
  after: [KEPT, TORN.after, SWAPPED.after, RENAMED.after, X, UNLISTED],
};

export const SWAPPING: Scenario = {
  what: 'in place of other bytes',
  before: [SWAPPED.before, KEPT],
  bundle: { pods: [SWAPPED.after], onConflict: 'replace' },
  after: [SWAPPED.after, KEPT],
};

export const BEHIND_A_DEAD_INSERT: Scenario = {
  what: 'behind an insert that was killed just before its commitment',
  before: REPLACED,
  unlisted: [UNLISTED],
  dead: { bundle: REPLACING, killedBefore: ({ name, path }) => name === 'rename' && path.endsWith('/next') },
  bundle: { pods: [Y] },
  after: [...REPLACED, Y],
};

export const ANOTHER = textPod('another');

export const SCENARIOS: readonly Scenario[] = [
  { what: 'into a missing directory', before: [], bundle: { pods: [X, LONG], format: 'tar' }, after: [X, LONG] },
  { what: 'beside other pods', before: [KEPT], bundle: { pods: [X, Y] }, after: [KEPT, X, Y] },
  { what: 'the same once more', before: [KEPT, X], bundle: { pods: [X, KEPT] }, after: [KEPT, X] },
  {
    what: 'the same once more, from an archive without an index',
    before: [KEPT, X],
    bundle: { pods: [X, KEPT], format: 'tar+gzip' },
    after: [KEPT, X],
  },
  {
    what: 'from an archive without an index',
    before: [KEPT],
    bundle: { pods: [X, KEPT, Y], format: 'tar+gzip' },
    after: [KEPT, X, Y],
  },
  { what: 'one pod of several', before: [KEPT], bundle: { pods: [X, Y], only: 'default/pod-y' }, after: [KEPT, Y] },
  {
    what: 'a pod whose file is gone',
    before: [KEPT, X],
    missing: ['x'],
    bundle: { pods: [X, Y] },
    after: [KEPT, X, Y],
  },
  REPLACING_EVERYTHING,
  SWAPPING,
  BEHIND_A_DEAD_INSERT,
  {
    what: 'behind an insert that was killed just after its commitment',
    before: REPLACING_EVERYTHING.after,
    unlisted: [UNLISTED],
    dead: {
      before: REPLACED,
      bundle: REPLACING,
      killedBefore: ({ name, path2 }) => name === 'rename' && path2.includes('/done-'),
    },
    bundle: { pods: [X, Y] },
    after: [...REPLACING_EVERYTHING.after, Y],
  },
];
