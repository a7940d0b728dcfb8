/** The whole matrix (`npm run test:crash`), or the slice of it that every test run has time for. */
export const FULL = process.env.PODFREIGHT_CRASH === 'full';

/** All of it, or every `stride`-th from an `offset` that should differ from one list to the next. */
export function slice<T>(items: readonly T[], stride: number, offset: number): readonly T[] {
  if (FULL) return items;
  return items.filter((_, i) => i % stride === offset % Math.min(stride, items.length));
}

/** From 1 to `count`. */
export function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1);
}

/** Does it with each, two at a time. */
export async function sideBySide<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const worker = async () => {
    for (const item of rest) await act(item);
  };
  await Promise.all([worker(), worker()]);
}
