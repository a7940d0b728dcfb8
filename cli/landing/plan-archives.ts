import { type ContainerRecord, containerRecords } from '../../core/checkpoint/container-records.ts';
import { PodfreightError } from '../../core/errors.ts';
import type { Manifest, ManifestPod } from '../../core/manifest/manifest.ts';
import { podFileName } from '../../core/sandbox-id.ts';
import { podTitle } from '../pod-title.ts';
import type { Comparison, LandingPlan, OnConflict, Outcome } from './plan.ts';

export interface ArchivesQuestion {
  /** Of exactly the pods to land, all made of container archives. */
  readonly arriving: Manifest;
  /** The target's manifest, if it has one: it stays as it is, and so do the files that it names. */
  readonly present: Manifest | undefined;
  /** By name, for every container archive. */
  readonly files: ReadonlyMap<string, Comparison>;
  readonly onConflict: OnConflict;
  /** For the message. */
  readonly target: string;
}

/**
 * Decides what becomes of each pod of which the container archives land by themselves, under their own names. A pod stays
 * together: when one of its archives collides, none of them lands, or all do.
 * @throws PodfreightError `conflict` naming all that collide, when they are to be refused, and always where two of the
 *   arriving archives have one name, or one has the name of a file that the target's manifest names
 */
export function planArchives({ arriving, present, files, onConflict, target }: ArchivesQuestion): LandingPlan {
  checkNames(arriving, present, target);
  const outcomes: { pod: ManifestPod; outcome: Outcome }[] = [];
  const link: string[] = [];
  const swap: string[] = [];
  const keep: string[] = [];
  const refused: string[] = [];
  for (const pod of arriving.pods ?? []) {
    const names = archivesOf(pod).map(({ file }) => file);
    const compared = (what: Comparison) => names.filter((name) => (files.get(name) ?? 'absent') === what);
    const [absent, same, other] = (['absent', 'same', 'other'] as const).map(compared) as [
      string[],
      string[],
      string[],
    ];
    if (onConflict === 'refuse') refused.push(...other);
    if (other.length > 0 && onConflict !== 'replace') {
      outcomes.push({ pod, outcome: 'skipped' });
      continue;
    }
    link.push(...absent);
    swap.push(...other);
    keep.push(...same);
    const outcome = other.length > 0 ? 'replaced' : absent.length > 0 ? 'inserted' : 'unchanged';
    outcomes.push({ pod, outcome });
  }
  if (refused.length > 0) {
    throw new PodfreightError(
      'conflict',
      `${target} has other checkpoints under the names ${refused.join(', ')}; nothing was inserted. Choose --on-conflict skip or --on-conflict replace.`,
      { subject: { target, files: refused } },
    );
  }
  return { outcomes, link, swap, keep, changes: link.length + swap.length > 0 };
}

/** The records of a pod that is known to have some. */
export function archivesOf(pod: ManifestPod): readonly ContainerRecord[] {
  const records = containerRecords(pod);
  if (records !== undefined) return records;
  throw new PodfreightError('internal', `Pod ${pod.sandboxId} is not made of container archives.`);
}

function checkNames(arriving: Manifest, present: Manifest | undefined, target: string): void {
  const owners = new Map<string, ManifestPod>();
  const listed = new Set((present?.pods ?? []).map(({ sandboxId }) => podFileName(sandboxId)));
  for (const pod of arriving.pods ?? []) {
    for (const { file } of archivesOf(pod)) {
      const other = owners.get(file);
      if (other !== undefined) {
        throw new PodfreightError(
          'conflict',
          `Pods ${podTitle(other)} (${other.sandboxId}) and ${podTitle(pod)} (${pod.sandboxId}) both have an archive ${file}; choose one of them with --pod, or --as pods.`,
          { subject: { target, file } },
        );
      }
      if (listed.has(file)) {
        const message = `${target} has a pod whose file is called ${file}, as an archive of ${podTitle(pod)}; choose --as pods.`;
        throw new PodfreightError('conflict', message, { subject: { target, file } });
      }
      owners.set(file, pod);
    }
  }
}
