import { archiveCase, refused, type Verdict, type Way } from '../case.ts';
import { type Lie, ours, withIndex } from '../indexed.ts';

export type { Lie } from '../indexed.ts';

/** Who only looks where the index points does not meet what is wrong elsewhere. */
export const CONTENT_ONLY = { unseenBy: ['show', 'catalogue'] as readonly Way[] };

export const SHORT = refused('its index does not reach to its end');
export const OTHER_FORMAT = refused('its index is of another format');

/** Counted from 1. */
export const entry = (member: number) => refused(`its index has a broken entry for member ${member}`);

export const digest = (name: string, ways = CONTENT_ONLY) =>
  refused(`member "${name}" does not have the SHA-256 that its index gives`, { code: 'corrupt-archive', ...ways });

/**
 * A good archive of a1 and b2, whose index `lie` changes, or replaces by the text that it returns. Member 0 is the
 * manifest.
 */
export function lying(
  title: string,
  lie: (members: Lie[], index: Lie) => unknown,
  verdict: Verdict,
  format: 'tar' | 'tar+zstd' = 'tar',
) {
  return archiveCase(
    format === 'tar' ? title : `${title}, in zstd`,
    async () => {
      const archive = await ours(format, 'a1', 'b2');
      const said = lie(archive.json.members, archive.json);
      return withIndex(archive, typeof said === 'string' ? said : JSON.stringify(archive.json));
    },
    verdict,
  );
}
