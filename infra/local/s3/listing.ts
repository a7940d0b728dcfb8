/** A place between rows that are ordered by key, and within a key from the highest rank to the lowest. */
export interface Position {
  readonly key: string;
  /** Rows of `key` below this rank come next. */
  readonly rank: number;
}

export interface Listed {
  readonly key: string;
  readonly rank: number;
}

export interface ListRequest<Row extends Listed> {
  /** The rows after `position`, at most `limit`; fewer means there are no more. */
  readonly rowsAfter: (position: Position, limit: number) => Row[];
  readonly prefix: string;
  /** Keys that have it behind the prefix are rolled up into one common prefix. Empty: none are. */
  readonly delimiter: string;
  /** Rows and common prefixes together. */
  readonly limit: number;
  readonly start: Position;
}

export interface ListPage<Row extends Listed> {
  readonly rows: readonly Row[];
  readonly commonPrefixes: readonly string[];
  /** There when more follow: where to start, and the last row or common prefix that was given. */
  readonly next?: { readonly position: Position; readonly last: Row | string };
}

const ABOVE_ALL = Number.MAX_SAFE_INTEGER;
const BELOW_ALL = -Number.MAX_SAFE_INTEGER;

/** Most rows behind a common prefix are skipped, so few are fetched at a time. */
const ROWS_WITH_DELIMITER = 64;

export const atStart: Position = { key: '', rank: ABOVE_ALL };

export function behindKey(key: string): Position {
  return { key, rank: BELOW_ALL };
}

/** Behind all keys that begin with `prefix`; undefined when there can be none. */
function behindPrefix(prefix: string): Position | undefined {
  const points = Array.from(prefix, (char) => char.codePointAt(0)!);
  while (points.length > 0) {
    const last = points.pop()!;
    if (last === 0x10ffff) continue;
    const next = last === 0xd7ff ? 0xe000 : last + 1; // no surrogates alone
    return { key: String.fromCodePoint(...points, next), rank: ABOVE_ALL };
  }
  return undefined;
}

/** Behind what a marker names: a key, or a common prefix with all its keys. */
export function behindMarker(marker: string, { prefix, delimiter }: { prefix: string; delimiter: string }): Position {
  const rolledUp = commonPrefix(marker, prefix, delimiter) === marker;
  return (rolledUp ? behindPrefix(marker) : undefined) ?? behindKey(marker);
}

/** One page of a listing in the order of keys. */
export function listPage<Row extends Listed>(request: ListRequest<Row>): ListPage<Row> {
  const { prefix, delimiter, limit } = request;
  const rows: Row[] = [];
  const commonPrefixes: string[] = [];
  if (limit === 0) return { rows, commonPrefixes };
  const batch = delimiter === '' ? limit + 1 : ROWS_WITH_DELIMITER;
  let position: Position | undefined =
    compareBytes(request.start.key, prefix) < 0 ? { key: prefix, rank: ABOVE_ALL } : request.start;
  let last: Row | string = '';
  let more = true;
  while (more && position !== undefined) {
    const fetched = request.rowsAfter(position, batch);
    more = fetched.length === batch;
    for (const row of fetched) {
      if (!row.key.startsWith(prefix)) return { rows, commonPrefixes };
      if (rows.length + commonPrefixes.length === limit) return { rows, commonPrefixes, next: { position, last } };
      const common = commonPrefix(row.key, prefix, delimiter);
      if (common !== undefined) {
        commonPrefixes.push(common);
        last = common;
        position = behindPrefix(common);
        more = true;
        break;
      }
      rows.push(row);
      last = row;
      position = row;
    }
  }
  return { rows, commonPrefixes };
}

function commonPrefix(key: string, prefix: string, delimiter: string): string | undefined {
  if (delimiter === '' || !key.startsWith(prefix)) return undefined;
  const at = key.indexOf(delimiter, prefix.length);
  return at < 0 ? undefined : key.slice(0, at + delimiter.length);
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
