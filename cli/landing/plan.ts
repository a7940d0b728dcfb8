import { PodfreightError } from '../../core/errors.ts';
import { formatPod, type Manifest, type ManifestPod } from '../../core/manifest/manifest.ts';
import { mergeManifests } from '../../core/manifest/merge.ts';
import { podFileName } from '../../core/sandbox-id.ts';
import { podTitle } from '../pod-title.ts';

/** What to do with a pod of which the target has a file of the same name with other bytes, or another entry. */
export type OnConflict = 'refuse' | 'skip' | 'replace';

export const ON_CONFLICT = ['refuse', 'skip', 'replace'] as const satisfies readonly OnConflict[];

/** `unchanged`: the target had the same; `skipped`: it had, and kept, something else. */
export type Outcome = 'inserted' | 'unchanged' | 'skipped' | 'replaced';

/** What the target has under the name of an arriving file, compared with what arrived. */
export type Comparison = 'absent' | 'same' | 'other';

export interface LandingPlan {
  readonly outcomes: readonly { readonly pod: ManifestPod; readonly outcome: Outcome }[];
  /** Names of files to link where nothing is. */
  readonly link: readonly string[];
  /** Names of files to rename over what is there. */
  readonly swap: readonly string[];
  /** Names of files that are right as they are, and must only be on disk. */
  readonly keep: readonly string[];
  /**
   * The manifest for the moment between: without the pods of which both entry and file change, so that no entry ever
   * stands beside bytes that it does not describe. Absent when there are none.
   */
  readonly between?: Manifest;
  /** The manifest at the end. Absent where container archives land by themselves: then it stays as it is. */
  readonly after?: Manifest;
  readonly changes: boolean;
}

export interface LandingQuestion {
  /** The target's manifest, if it has one. */
  readonly present: Manifest | undefined;
  /** A manifest of exactly the pods to land; version and unknown fields count where the target has no manifest. */
  readonly arriving: Manifest;
  /** By name, for every file to land. */
  readonly files: ReadonlyMap<string, Comparison>;
  readonly onConflict: OnConflict;
  /** For the message. */
  readonly target: string;
}

/**
 * Decides what becomes of each pod, without touching anything.
 * @throws PodfreightError `conflict` naming all pods that collide, when these are to be refused
 */
export function planLanding({ present, arriving, files, onConflict, target }: LandingQuestion): LandingPlan {
  const entries = new Map((present?.pods ?? []).map((pod) => [pod.sandboxId, pod]));
  const outcomes: { pod: ManifestPod; outcome: Outcome }[] = [];
  const link: string[] = [];
  const swap: string[] = [];
  const keep: string[] = [];
  const torn = new Set<string>();
  const refused: ManifestPod[] = [];

  for (const pod of arriving.pods ?? []) {
    const { sandboxId } = pod;
    const entry = entries.get(sandboxId);
    const name = podFileName(sandboxId);
    const file = files.get(name) ?? 'absent';
    const otherEntry = entry !== undefined && formatPod(entry) !== formatPod(pod);
    const collides = otherEntry || file === 'other';
    if (collides && onConflict === 'refuse') refused.push(pod);
    if (collides && onConflict !== 'replace') {
      outcomes.push({ pod, outcome: 'skipped' });
      continue;
    }
    if (file === 'absent') link.push(name);
    else if (file === 'other' || entry === undefined)
      swap.push(name); // a file nobody named becomes ours in mode and owner
    else keep.push(name);
    if (otherEntry && file !== 'same') torn.add(sandboxId);
    const unchanged = entry !== undefined && file === 'same';
    outcomes.push({ pod, outcome: collides ? 'replaced' : unchanged ? 'unchanged' : 'inserted' });
  }
  if (refused.length > 0) throw conflict(target, refused);

  const landing = outcomes.filter(({ outcome }) => outcome === 'inserted' || outcome === 'replaced');
  const additions = { ...arriving, pods: landing.map(({ pod }) => pod) };
  const between = present && { ...present, pods: (present.pods ?? []).filter((pod) => !torn.has(pod.sandboxId)) };
  return {
    outcomes,
    link,
    swap,
    keep,
    ...(between && torn.size > 0 && { between }),
    after: mergeManifests(present, additions, 'replace').manifest,
    changes: landing.length > 0,
  };
}

function conflict(target: string, pods: readonly ManifestPod[]): PodfreightError {
  const names = pods.map((pod) => `${podTitle(pod)} (${pod.sandboxId})`).join(', ');
  return new PodfreightError(
    'conflict',
    `${target} has other checkpoints under the same SandboxID of ${names}; nothing was inserted. Choose --on-conflict skip or --on-conflict replace.`,
    { subject: { target, sandboxIds: pods.map((pod) => pod.sandboxId) } },
  );
}
