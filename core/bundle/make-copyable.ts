import { inOrder } from '../archive/in-order.ts';
import type { IndexedFormat } from '../archive/index-json.ts';
import { isPodfreightError, PodfreightError } from '../errors.ts';
import { type BundleSource, whyNotCopied } from './bundle-sources.ts';
import { bytesToRewrite, findRewritten, rewrite } from './rewrite.ts';
import type { Work } from './work.ts';
import { OutOfTime } from './work-time.ts';

const LOOKED_FOR_AT_ONCE = 32;

/**
 * Sources that can be copied into a bundle of this format: themselves, or what they were rewritten to.
 * @throws OutOfTime when some have yet to be rewritten; PodfreightError `unsupported` for one that takes longer than a call
 *   may work, and as {@link rewrite}
 */
export async function makeCopyable(
  sources: readonly BundleSource[],
  format: IndexedFormat,
  work: Work,
): Promise<BundleSource[]> {
  const ready = await findCopyable(sources, format, work);
  const isRewritten = (source: BundleSource) => whyNotCopied(source, format) !== undefined;
  const bytesOf = (some: readonly BundleSource[]) => some.reduce((sum, source) => sum + bytesToRewrite(source), 0);
  const progress = () => ({
    step: 'rewriting' as const,
    doneBytes: bytesOf(sources.filter((source, i) => isRewritten(source) && ready[i] !== undefined)),
    totalBytes: bytesOf(sources.filter(isRewritten)),
  });

  let isFirst = true;
  // One after the other: each takes the whole machine.
  for (const [i, source] of sources.entries()) {
    if (ready[i] !== undefined) continue;
    if (work.time.isUp && !isFirst) throw new OutOfTime(progress());
    try {
      ready[i] = await rewrite(source, format, { ...work, signal: work.time.over });
    } catch (error) {
      if (!isPodfreightError(error, 'interrupted') || !work.time.over.aborted) throw error;
      if (!isFirst) throw new OutOfTime(progress());
      throw tooLong(source, format);
    }
    isFirst = false;
    noteRewritten(source, format, work, { bytesRead: bytesToRewrite(source), bytesWritten: ready[i].object.sizeBytes });
  }
  return ready as BundleSource[];
}

/** The same as far as nothing has to be rewritten any more; undefined in the place of what has. */
export async function findCopyable(
  sources: readonly BundleSource[],
  format: IndexedFormat,
  work: Work,
): Promise<(BundleSource | undefined)[]> {
  const find = async (source: BundleSource) => {
    if (whyNotCopied(source, format) === undefined) return source;
    const rewritten = await findRewritten(source, format, work);
    if (rewritten !== undefined) noteRewritten(source, format, work, { bytesRead: 0, bytesWritten: 0 });
    return rewritten;
  };
  return Array.fromAsync(inOrder(sources, LOOKED_FOR_AT_ONCE, find));
}

export function noteRewritten(
  source: BundleSource,
  format: IndexedFormat,
  work: Work,
  bytes: { readonly bytesRead: number; readonly bytesWritten: number },
): void {
  work.bytesThrough += bytes.bytesRead + bytes.bytesWritten;
  work.rewritten.push({ archive: source.object.name, reason: whyNotCopied(source, format) ?? '', ...bytes });
}

function tooLong({ object }: BundleSource, format: IndexedFormat): PodfreightError {
  return new PodfreightError(
    'unsupported',
    `The archive ${object.name} cannot be copied and takes longer to be rewritten as ${format} than the function may ` +
      'work; push its pods anew with podfreight.',
    { subject: { archive: object.name } },
  );
}
