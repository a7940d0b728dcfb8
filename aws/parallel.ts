/**
 * Does `work` on all items, at most `limit` at once; takes an item only when there is a hand free for it. The first
 * failure, of the work or of the items, aborts `abort` with itself as reason; so does anyone who aborts it. Then nothing
 * new begins, and when all that was begun has ended, that reason is thrown.
 */
export async function parallel<Item>(
  items: Iterable<Item> | AsyncIterable<Item>,
  limit: number,
  abort: AbortController,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const { signal } = abort;
  const iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  const aborted = rejectionOf(signal);
  let asked = 0;
  const nextItem = async () => {
    asked += 1;
    const next = await iterator.next();
    asked -= 1;
    return next;
  };
  const hand = async () => {
    try {
      while (!signal.aborted) {
        // The items may come from a body that is stuck: a failure elsewhere must not wait for it.
        let next: IteratorResult<Item> | undefined;
        const taken = nextItem().then((item) => {
          next = item; // not the race's result: a race against `aborted` keeps its results alive as long as that
        });
        await Promise.race([taken, aborted.promise]);
        if (next === undefined || next.done) return;
        await work(next.value);
      }
    } catch (error) {
      abort.abort(error);
    }
  };
  await Promise.all(Array.from({ length: limit }, hand));
  aborted.forget();
  if (!signal.aborted) return;

  const closed = Promise.resolve(iterator.return?.()).catch(() => {});
  if (asked === 0) await closed;
  throw signal.reason;
}

function rejectionOf(signal: AbortSignal): { promise: Promise<never>; forget: () => void } {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => {});
  const onAbort = () => reject(signal.reason);
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  return { promise, forget: () => signal.removeEventListener('abort', onAbort) };
}
