/**
 * The same items, each fetched while the one before is worked on. Leaving early waits for what is being fetched.
 */
export async function* ahead<Item>(items: AsyncIterable<Item>): AsyncGenerator<Item> {
  const iterator = items[Symbol.asyncIterator]();
  let next = fetch();
  function fetch() {
    const result = iterator.next();
    // Awaited in its turn; until then its failure is no unhandled one.
    result.catch(() => {});
    return result;
  }
  try {
    for (;;) {
      const { value, done } = await next;
      if (done) return;
      next = fetch();
      yield value;
    }
  } finally {
    await next.catch(() => {});
    await iterator.return?.();
  }
}
