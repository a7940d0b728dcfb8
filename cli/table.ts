import { safeText } from './safe-text.ts';
import { type TextWidth, textWidth } from './text-width.ts';

/** A cell wider than this, in columns of the terminal, is wrapped between words. */
const WRAP_WIDTH = 30;

/** Longer than any name or image reference. A column is as wide as its widest cell, so a cell of megabytes must be cut. */
const CELL_LENGTH_MAX = 1024;

interface Cell {
  readonly lines: readonly string[];
  /** What it needs, in columns of the terminal. */
  readonly width: number;
  /** Equal to the cell above: shown blank, without a rule between them. */
  readonly merged: boolean;
}

/**
 * The table of the first checkpointctl: headers upper-cased and centred, a rule under each row, a cell equal to the one
 * above left blank, numbers to the right. Cells are made safe to show (safe-text.ts). Ends with a newline.
 *
 * Byte for byte what its olekukonko/tablewriter v0.0.4 printed with SetRowLine and SetAutoMergeCells, except that widths
 * are those of today's Unicode, and cells of more than 1024 characters are cut.
 * @param header plain words
 * @param rows each as long as `header`
 * @param options `merge: false` shows every cell
 */
export async function renderTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  { merge = true }: { readonly merge?: boolean } = {},
): Promise<string> {
  const widthOf = await textWidth(rows.flat());
  const titles = header.map((title) => layOut(title.toUpperCase(), false, widthOf));
  const body = rows.map((row, y) =>
    row.map((text, x) => layOut(text, merge && repeats(text, rows[y - 1]?.[x]), widthOf)),
  );
  const widths = titles.map((title, x) => body.reduce((widest, row) => Math.max(widest, row[x]!.width), title.width));
  const rule = formatRule(widths);
  return [
    rule,
    ...formatRow(titles, widths, centre, widthOf),
    ...body.flatMap((row, y) => [y === 0 ? rule : formatRule(widths, row), ...formatRow(row, widths, align, widthOf)]),
    ...(body.length === 0 ? [rule] : []),
    rule,
    '',
  ].join('\n');
}

function repeats(text: string, above: string | undefined): boolean {
  const shown = text.trimEnd();
  return shown !== '' && shown === above?.trimEnd();
}

/** The rule above `row`, which has gaps over merged cells. */
function formatRule(widths: readonly number[], row: readonly Cell[] = []): string {
  return `+${widths.map((width, x) => `${(row[x]?.merged ? ' ' : '-').repeat(width + 2)}+`).join('')}`;
}

function formatRow(
  row: readonly Cell[],
  widths: readonly number[],
  place: (text: string, gap: number) => string,
  widthOf: TextWidth,
): string[] {
  const height = row.reduce((highest, cell) => Math.max(highest, cell.lines.length), 0);
  return Array.from({ length: height }, (_, i) => {
    const texts = row.map(({ merged, lines }, x) => {
      const text = merged ? '' : (lines[i] ?? '');
      return ` ${place(text, widths[x]! - widthOf(text))} |`;
    });
    return `|${texts.join('')}`;
  });
}

function centre(text: string, gap: number): string {
  const left = Math.floor(gap / 2);
  return ' '.repeat(left) + text + ' '.repeat(gap - left);
}

const NUMBER = /^-?(?:\d{1,3}(?:,\d{3})*|\d+)(?:\.\d+)?$/;

function align(text: string, gap: number): string {
  return NUMBER.test(text.trim()) ? ' '.repeat(gap) + text : text + ' '.repeat(gap);
}

/** A cell that is wrapped takes the whole width before which it was not, even where its lines are shorter. */
function layOut(text: string, merged: boolean, widthOf: TextWidth): Cell {
  const safe = safeText(text);
  const shown = safe.length <= CELL_LENGTH_MAX ? safe : `${safe.slice(0, CELL_LENGTH_MAX - 1).toWellFormed()}…`;
  const least = Math.min(widthOf(shown), WRAP_WIDTH);
  const lines = wrap(shown.split(' '), least, widthOf);
  return { lines, width: lines.reduce((widest, line) => Math.max(widest, widthOf(line)), least), merged };
}

/** What a line too long costs beyond the square of its excess: tablewriter's, so that lines break where they did. */
const OVERLONG_COST = 1e5;

/**
 * Words in lines of at most `width`, or as long as the longest word, so that the squares of the room left in all lines but
 * the last add up to the least.
 * @see https://github.com/olekukonko/tablewriter/blob/v0.0.4/wrap.go
 */
function wrap(words: readonly string[], width: number, widthOf: TextWidth): string[] {
  const wordWidths = words.map(widthOf);
  const limit = Math.max(width, ...wordWidths);

  // From the last word back: the least cost of laying out the words from `first` on, and where its first line ends.
  const costs: number[] = [];
  const ends: number[] = [];
  for (let first = words.length - 1; first >= 0; first--) {
    costs[first] = Number.POSITIVE_INFINITY;
    let lineWidth = -1;
    for (let end = first + 1; end <= words.length; end++) {
      lineWidth += 1 + wordWidths[end - 1]!;
      const fits = lineWidth <= limit;
      const lineCost = (limit - lineWidth) ** 2 + (fits ? 0 : OVERLONG_COST);
      const isLast = end === words.length;
      if (!fits && (isLast || lineCost >= costs[first]!)) break;
      const cost = isLast ? 0 : lineCost + costs[end]!;
      if (cost < costs[first]!) {
        costs[first] = cost;
        ends[first] = end;
      }
    }
  }

  const lines: string[] = [];
  for (let first = 0; first < words.length; first = ends[first]!) {
    lines.push(words.slice(first, ends[first]).join(' '));
  }
  return lines;
}
