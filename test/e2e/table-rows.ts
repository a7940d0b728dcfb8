/** The rows of the tables in an output without their rules, a table's header first; cells without the blanks around them. */
export function rowsOf(stdout: string): string[][] {
  const rows = stdout.split('\n').filter((line) => line.startsWith('|'));
  return rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}
