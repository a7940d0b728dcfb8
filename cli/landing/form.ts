import { containerRecords } from '../../core/checkpoint/container-records.ts';
import { PodfreightError } from '../../core/errors.ts';
import type { Manifest } from '../../core/manifest/manifest.ts';
import { podFileName } from '../../core/sandbox-id.ts';
import { podTitle } from '../pod-title.ts';
import { archivesOf } from './plan-archives.ts';

/**
 * How pods lie in a kubelet directory: `pods` as `<SandboxID>.tar` that a `checkpointed.pods` names, `containers` as the
 * archives of their containers, under the names that these had where they came from.
 */
export type Form = 'pods' | 'containers';

export const FORMS = ['pods', 'containers'] as const satisfies readonly Form[];

/**
 * In which form pods land. A directory with a manifest gets pods. One without gets container archives, as today's kubelets
 * and engines have them, if all that arrives is made of such; else pods, since one directory is of one form.
 * @param wanted what the user says
 * @param present the target's manifest, if it has one
 * @throws PodfreightError `unsupported` when container archives are wanted of pods that are none
 */
export function formOf(wanted: Form | undefined, present: Manifest | undefined, arriving: Manifest): Form {
  const others = (arriving.pods ?? []).filter((pod) => containerRecords(pod) === undefined);
  if (wanted === 'containers' && others.length > 0) {
    const names = others.map(podTitle).join(', ');
    throw new PodfreightError(
      'unsupported',
      `Not made of container archives, and so to be landed --as pods only: ${names}.`,
      { subject: { sandboxIds: others.map(({ sandboxId }) => sandboxId) } },
    );
  }
  if (wanted !== undefined) return wanted;
  return present === undefined && others.length === 0 && (arriving.pods ?? []).length > 0 ? 'containers' : 'pods';
}

/** The names under which they land. */
export function fileNames(form: Form, { pods }: Manifest): string[] {
  if (form === 'pods') return (pods ?? []).map(({ sandboxId }) => podFileName(sandboxId));
  return (pods ?? []).flatMap((pod) => archivesOf(pod).map(({ file }) => file));
}
