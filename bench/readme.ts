import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const README = join(import.meta.dirname, 'README.md');
const BEGIN = '<!-- results: npm run bench -- --write-readme -->';
const END = '<!-- end of results -->';

/** Replaces what stands between the marks. */
export function writeReadme(results: string): void {
  const text = readFileSync(README, 'utf8');
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`${README} has lost its marks for the results.`);
  writeFileSync(README, `${text.slice(0, begin + BEGIN.length)}\n\n${results}\n\n${text.slice(end)}`);
}
