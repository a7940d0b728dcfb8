import type { KeyPage } from '../ports.ts';

/** What two listings have of one key. */
export interface Pair<Left, Right> {
  readonly key: string;
  readonly left?: Left;
  readonly right?: Right;
}

/** All of a listing behind `after`, a page at a time. */
export async function* turnPages<T>(
  turn: (after: string | undefined) => Promise<KeyPage<T>>,
  after: string | undefined,
): AsyncGenerator<T> {
  let next = after;
  do {
    const page = await turn(next);
    yield* page.items;
    next = page.next;
  } while (next !== undefined);
}

/** Two listings side by side, each in the order of its keys' UTF-8 bytes and with each key once. */
export async function* merge<Left, Right>(
  lefts: AsyncGenerator<Left>,
  leftKey: (left: Left) => string,
  rights: AsyncGenerator<Right>,
  rightKey: (right: Right) => string,
): AsyncGenerator<Pair<Left, Right>> {
  try {
    let [left, right] = await Promise.all([lefts.next(), rights.next()]);
    while (!left.done || !right.done) {
      const key = firstOf(left.done ? undefined : leftKey(left.value), right.done ? undefined : rightKey(right.value));
      const pair: { key: string; left?: Left; right?: Right } = { key };
      if (!left.done && leftKey(left.value) === key) {
        pair.left = left.value;
        left = await lefts.next();
      }
      if (!right.done && rightKey(right.value) === key) {
        pair.right = right.value;
        right = await rights.next();
      }
      yield pair;
    }
  } finally {
    await Promise.all([lefts.return(undefined), rights.return(undefined)]);
  }
}

function firstOf(a: string | undefined, b: string | undefined): string {
  if (a === undefined || b === undefined) return (a ?? b)!;
  return compareKeys(a, b) <= 0 ? a : b;
}

/** As S3 and DynamoDB order keys, which is not how strings compare. */
export function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
