import { type FoundArchive, newestOfEach, type PodGroup, timeOf } from './pod-groups.ts';

/** Containers of one pod are checkpointed one after the other, large ones for minutes. */
const ROUND_MS = 10 * 60 * 1000;

/**
 * The archives of a pod by the rounds in which they were taken, the newest round first: of each container at most one in a
 * round, none more than ten minutes older than the newest. Together they are all archives of `group`.
 */
export function roundsOf<Found extends FoundArchive>(group: PodGroup<Found>): PodGroup<Found>[] {
  const rounds: PodGroup<Found>[] = [];
  let left = group.archives;
  while (left.length > 0) {
    const begins = Math.max(...left.map((found) => timeOf(found).getTime())) - ROUND_MS;
    const round = newestOfEach({ ...group, archives: left.filter((found) => timeOf(found).getTime() >= begins) });
    const taken = new Set(round.archives);
    left = left.filter((found) => !taken.has(found));
    rounds.push(round);
  }
  return rounds;
}
