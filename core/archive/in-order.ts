/** libuv's threads, on which files are read and written and frames coded. */
const THREADS = Number(process.env.UV_THREADPOOL_SIZE) || 4;

/** Frames coded at once: one thread is left for files, which would have to wait behind them. */
export const DEFAULT_CONCURRENCY = Math.max(1, THREADS - 1);

/** Work under way is bounded by what it weighs; one piece is always allowed. */
export interface Window<Item> {
  /** Asked for again and again: it may change meanwhile. */
  readonly size: number;
  weigh(item: Item): number;
}

/**
 * Results of `work` in the order of `items`, with up to `limit` under way. Takes the next item only when the consumer wants
 * more, so that memory stays bounded. The first failure in order is thrown; leaving early waits for what is under way.
 * @param limit pieces of work, or what they weigh together; a result counts until it is asked for
 */
export async function* inOrder<Item, Result>(
  items: Iterable<Item> | AsyncIterable<Item>,
  limit: number | Window<Item>,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const window: Window<Item> = typeof limit === 'number' ? { size: limit, weigh: () => 1 } : limit;
  const underWay: { result: Promise<Result>; weight: number }[] = [];
  let held = 0;
  const oldest = () => {
    const { result, weight } = underWay.shift()!;
    held -= weight;
    return result;
  };
  try {
    for await (const item of items) {
      const weight = window.weigh(item);
      while (underWay.length > 0 && held + weight > window.size) yield await oldest();
      const result = work(item);
      // Awaited in its turn; until then its failure is no unhandled one.
      result.catch(() => {});
      underWay.push({ result, weight });
      held += weight;
      while (held >= window.size) yield await oldest(); // before another item is asked for
    }
    while (underWay.length > 0) yield await oldest();
  } finally {
    await Promise.allSettled(underWay.map(({ result }) => result));
  }
}
