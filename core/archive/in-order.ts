/** Pieces of work under way at once: what keeps libuv's four threads busy. */
export const DEFAULT_CONCURRENCY = 4;

/**
 * Results of `work` in the order of `items`, with up to `limit` under way. Takes the next item only when the consumer wants
 * more, so that memory stays bounded. The first failure in order is thrown; leaving early waits for what is under way.
 */
export async function* inOrder<Item, Result>(
  items: Iterable<Item> | AsyncIterable<Item>,
  limit: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const underWay: Promise<Result>[] = [];
  try {
    for await (const item of items) {
      const result = work(item);
      // Awaited in its turn; until then its failure is no unhandled one.
      result.catch(() => {});
      underWay.push(result);
      if (underWay.length >= limit) yield await underWay.shift()!;
    }
    while (underWay.length > 0) yield await underWay.shift()!;
  } finally {
    await Promise.allSettled(underWay);
  }
}
