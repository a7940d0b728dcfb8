import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  atStart,
  behindMarker,
  type Listed,
  type ListPage,
  listPage,
  type Position,
} from '../../../../infra/local/s3/listing.ts';

const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** Rows as the index gives them: keys in order of their bytes, ranks from high to low. */
function source(rows: readonly { key: string; rank: number }[]) {
  return ({ key, rank }: Position, limit: number) =>
    rows.filter((row) => byBytes(row.key, key) > 0 || (row.key === key && row.rank < rank)).slice(0, limit);
}

const rowsOf = fc
  .uniqueArray(
    fc.tuple(
      fc.string({ unit: fc.constantFrom('a', 'b', '/', '-', 'é', '\ud7ff', '😀', '\u{10ffff}'), maxLength: 5 }),
      fc.nat(3),
    ),
    {
      selector: ([key, rank]) => `${rank} ${key}`,
      maxLength: 40,
    },
  )
  .map((rows) => rows.map(([key, rank]) => ({ key, rank })).sort((a, b) => byBytes(a.key, b.key) || b.rank - a.rank));

function expected(rows: readonly { key: string; rank: number }[], prefix: string, delimiter: string): string[] {
  const entries = rows
    .filter(({ key }) => key.startsWith(prefix))
    .map(({ key, rank }) => {
      const at = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
      return at < 0 ? `${rank} ${key}` : key.slice(0, at + delimiter.length);
    });
  return [...new Set(entries)];
}

test('pages of any size give every row and common prefix once', () => {
  fc.assert(
    fc.property(
      rowsOf,
      fc.constantFrom('', 'a', 'a/', 'é', '\u{10ffff}'),
      fc.constantFrom('', '/', '-a', '\u{10ffff}'),
      fc.integer({ min: 1, max: 5 }),
      (rows, prefix, delimiter, limit) => {
        const seen: string[] = [];
        let start: Position | undefined = atStart;
        while (start !== undefined) {
          const page: ListPage<Listed> = listPage({ rowsAfter: source(rows), prefix, delimiter, limit, start });
          const entries = [...page.rows.map(({ key, rank }) => `${rank} ${key}`), ...page.commonPrefixes];
          assert.ok(entries.length <= limit);
          if (page.next) assert.equal(entries.length, limit, 'a page that is not the last is full');
          seen.push(...entries);
          start = page.next?.position;
        }
        assert.deepEqual(seen.sort(), expected(rows, prefix, delimiter).sort());
      },
    ),
    { numRuns: 500 },
  );
});

test('a marker that is a common prefix leaves all its keys behind', () => {
  const rows = ['a/1', 'a/2', 'a0', 'b/1'].map((key) => ({ key, rank: 0 }));
  const how = { prefix: '', delimiter: '/' };
  const page = listPage({ ...how, rowsAfter: source(rows), limit: 9, start: behindMarker('a/', how) });
  assert.deepEqual([page.rows.map(({ key }) => key), page.commonPrefixes], [['a0'], ['b/']]);
});

test('no more than nothing is asked for', () => {
  const page = listPage({
    rowsAfter: source([{ key: 'a', rank: 0 }]),
    prefix: '',
    delimiter: '',
    limit: 0,
    start: atStart,
  });
  assert.deepEqual(page, { rows: [], commonPrefixes: [] });
});
