import type { ArchiveCase, Way } from './case.ts';
import type { ManifestCase } from './manifest-case.ts';
import { MANIFEST_GROUPS } from './manifests.ts';
import { DAMAGED } from './specimens.ts';
import { GROUPS } from './tars.ts';

/** What docs/security.md takes from the lists of cases: between these two lines. */
const BEGIN = '<!-- written by test/hostile/write-security-table.ts -->';
const END = '<!-- until here -->';

/** The document with its tables made anew. */
export function withTables(document: string): string {
  const start = document.indexOf(BEGIN);
  const end = document.indexOf(END);
  if (start < 0 || end < start) throw new Error(`docs/security.md lacks ${BEGIN} or ${END}`);
  return `${document.slice(0, start + BEGIN.length)}\n\n${tables()}\n${document.slice(end)}`;
}

function tables(): string {
  const archives = GROUPS.flatMap(({ cases }) => cases);
  const manifests = MANIFEST_GROUPS.flatMap(({ cases }) => cases);
  return [
    ...['## One flipped bit', '', ...damageTable(), ''],
    '## Hostile archives',
    '',
    `${archives.filter(isRefused).length} archives that are refused, and ${archives.filter((one) => !isRefused(one)).length} that look like them and land.`,
    '',
    ...GROUPS.flatMap(({ title, cases }) => section(title, cases, archiveRow)),
    '## Hostile manifests',
    '',
    `${manifests.filter(isRefused).length} manifests that are refused, and ${manifests.filter((one) => !isRefused(one)).length} that look like them and land.`,
    '',
    ...MANIFEST_GROUPS.flatMap(({ title, cases }) => section(title, cases, manifestRow)),
  ].join('\n');
}

function damageTable(): string[] {
  const rows = Object.entries(DAMAGED).map(([name, { bits, refused, verified, unverified, other }]) =>
    row(name, bits, refused, verified, unverified, other),
  );
  return table(['in', 'bits', 'refused', 'harmless, verified', 'harmless, unverified', 'other contents'], rows);
}

function section<Case extends ArchiveCase | ManifestCase>(
  title: string,
  cases: readonly Case[],
  refusedRow: (one: Case) => string,
): string[] {
  const refused = cases.filter(isRefused);
  const allowed = cases.filter((one) => !isRefused(one));
  return [
    `### ${title}`,
    '',
    ...(refused.length > 0 ? [...table(['refused', 'because'], refused.map(refusedRow)), ''] : []),
    ...(allowed.length > 0 ? ['Lands:', '', ...allowed.map(({ name }) => `- ${cell(name)}`), ''] : []),
  ];
}

function isRefused({ verdict }: ArchiveCase | ManifestCase): boolean {
  return !('lands' in verdict);
}

function archiveRow({ name, verdict }: ArchiveCase): string {
  if ('lands' in verdict) throw new Error(`${name} lands`);
  const reason = (message: string) => message.replace(/^The archive X (is refused: )?/, '');
  const { unseenBy = [], shown } = verdict;
  return row(
    name,
    `${code(reason(verdict.message))}${shown === undefined ? '' : `; \`show\` says ${code(reason(shown))}`}${unseenBy.length > 0 ? ` (not looked at by ${unseenBy.map(nameOf).join(', ')})` : ''}`,
  );
}

function manifestRow({ name, verdict, archived }: ManifestCase): string {
  if ('lands' in verdict) throw new Error(`${name} lands`);
  return row(name, code(archived?.replace(/^The archive X is refused: /, '') ?? verdict.reason));
}

function nameOf(way: Way): string {
  return way === 'catalogue' ? 'the catalogue' : `\`${way}\``;
}

function table(header: readonly string[], rows: readonly string[]): string[] {
  return [row(...header), `|${'---|'.repeat(header.length)}`, ...rows];
}

function row(...cells: readonly (string | number)[]): string {
  return `| ${cells.map((text) => cell(String(text))).join(' | ')} |`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

/** As code, long repetitions cut. */
function code(text: string): string {
  return `\`${text.replace(/\.$/, '').replace(/(.)\1{19,}/g, '$1$1$1…')}\``;
}
