import type { IndexedFormat } from '../archive/index-json.ts';
import { formatManifest, type Manifest } from '../manifest/manifest.ts';
import { bundleId } from './bundle-id.ts';
import type { BundleSource } from './bundle-sources.ts';
import { byName } from './choose-pods.ts';
import { type Gathering, planGatherings } from './gather.ts';
import { type PartLimits, S3_PART_LIMITS } from './part-limits.ts';
import { type BundlePlan, planBundle } from './plan-bundle.ts';
import type { SourceMember } from './runs.ts';

export interface LaidOutBundle {
  readonly bundleId: string;
  readonly format: IndexedFormat;
  /** To be made first; the plan's sources are the given ones, then these. */
  readonly gatherings: readonly Gathering[];
  readonly plan: BundlePlan;
}

/**
 * What a bundle of sources that can all be copied consists of, down to its parts. The same members make the same.
 * @throws PodfreightError as {@link planBundle}
 */
export async function layOut(
  sources: readonly BundleSource[],
  format: IndexedFormat,
  limits: PartLimits = S3_PART_LIMITS,
): Promise<LaidOutBundle> {
  const lying = sources.flatMap(({ members }, source) => members!.map((member) => ({ source, member })));
  const gatherings = planGatherings(lying, limits);
  const members = gathered(lying, gatherings, sources.length);
  const manifest = formatManifest(mergedManifest(sources));
  const modifiedAt = newest(members.map(({ member }) => member.modifiedAt));
  const plan = await planBundle({ manifest, modifiedAt, format, members }, limits);
  return { bundleId: bundleId({ format, members: plan.members }), format, gatherings, plan };
}

/** Where each member lies when the gatherings are made. */
function gathered(lying: readonly SourceMember[], gatherings: readonly Gathering[], sources: number): SourceMember[] {
  const moved = new Map<SourceMember['member'], SourceMember>();
  for (const [i, { members }] of gatherings.entries()) {
    for (const { from, wire } of members) moved.set(from.member, { source: sources + i, member: wire });
  }
  return lying.map((member) => moved.get(member.member) ?? member);
}

/** In the order of names, whichever archives they came from; version and unknown fields are those of the first pod's. */
export function mergedManifest(sources: readonly Pick<BundleSource, 'manifest'>[]): Manifest {
  const pods = sources
    .flatMap(({ manifest }) => (manifest.pods ?? []).map((pod) => ({ pod, manifest })))
    .sort((a, b) => byName(a.pod, b.pod));
  return { ...pods[0]!.manifest, pods: pods.map(({ pod }) => pod) };
}

function newest(times: readonly Date[]): Date {
  return times.reduce((newest, time) => (time > newest ? time : newest));
}
