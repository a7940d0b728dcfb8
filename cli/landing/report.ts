import type { Archive } from '../../core/archive/reader.ts';
import { formatBytes } from '../bytes.ts';
import type { Output } from '../output.ts';
import { podTitle } from '../pod-title.ts';
import { safeText } from '../safe-text.ts';
import type { Landing } from './land.ts';
import type { Outcome } from './plan.ts';

const OUTCOMES: readonly Outcome[] = ['inserted', 'replaced', 'skipped', 'unchanged'];

/**
 * Says what a landing did, or would do. Without `--json` and `--dry-run` nothing goes to stdout, as with the first
 * checkpointctl.
 */
export function reportLanding(
  { form, pods, verified }: Landing,
  context: { output: Output; archive: Archive; target: string; dryRun: boolean },
): void {
  const { output, archive, target, dryRun } = context;
  if (!verified) {
    output.warn(
      `${archive.name} carries no digests; that its checkpoints are as they were made could not be verified.`,
    );
  }
  const skipped = pods.filter(({ outcome }) => outcome === 'skipped').map(podTitle);
  if (skipped.length > 0) output.warn(`${target} has other checkpoints of ${skipped.join(', ')}, which were kept.`);
  const lines = pods.flatMap((pod) => {
    const title = `${pod.outcome.padEnd(9)}  ${safeText(podTitle(pod))}  `;
    if (pod.archives === undefined) return [`${title}${pod.sandboxId}\n`];
    return pod.archives.map(({ file }) => `${title}${file}\n`);
  });
  output.result({ target, form, dryRun, verified, pods }, dryRun ? lines.join('') : '');
  if (dryRun) return;
  const counts = OUTCOMES.map((outcome) => [outcome, pods.filter((pod) => pod.outcome === outcome).length] as const);
  const summary = counts.flatMap(([outcome, count]) => (count > 0 ? [`${count} ${outcome}`] : [])).join(', ');
  const sizeBytes = pods.reduce((sum, pod) => sum + (pod.sizeBytes ?? 0), 0);
  output.note(`${target}: ${summary || 'no pods'} (${formatBytes(sizeBytes)}).`);
}
