import { originOfArchiveKey } from '../keys.ts';
import type { CatalogueSurvey } from '../ports.ts';

/** The clusters of which there are archives in a bucket: keys begin with them, so that each is found with one page. */
export async function clustersOf(survey: CatalogueSurvey, bucket: string): Promise<string[]> {
  const clusters: string[] = [];
  let after: string | undefined;
  for (;;) {
    const { items, next } = await survey.archives(bucket, after);
    for (const { location } of items) {
      const cluster = originOfArchiveKey(location.key)?.cluster;
      if (cluster !== undefined && cluster !== clusters.at(-1)) clusters.push(cluster);
    }
    const last = items.at(-1)?.location.key;
    if (next === undefined || last === undefined) return [...new Set(clusters)];
    const cluster = originOfArchiveKey(last)?.cluster;
    // Behind all keys of this one.
    after = cluster === undefined ? next : `${cluster}/\u{10FFFF}`;
  }
}
