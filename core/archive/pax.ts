import { quoteName } from './refusal.ts';
import { isTime } from './tar-header.ts';

/**
 * Keys that may stand in an extended header. Beside name, size and time they only say what is ignored here: owner, times,
 * remarks, attributes. Everything else could change what another reader sees: `linkpath`, `GNU.sparse.*`,
 * `SCHILY.realsize`, `hdrcharset`.
 */
const ALLOWED_KEYS: ReadonlySet<string> = new Set([
  ...['path', 'size', 'mtime', 'atime', 'ctime', 'uid', 'gid', 'uname', 'gname', 'comment'],
  ...['SCHILY.dev', 'SCHILY.ino', 'SCHILY.nlink', 'SCHILY.fflags', 'LIBARCHIVE.creationtime', 'RHT.security.selinux'],
]);
const ALLOWED_PREFIXES = ['SCHILY.xattr.', 'SCHILY.acl.', 'LIBARCHIVE.xattr.'];

/** What an extended header says of the member after it, as far as it matters. */
export interface PaxRecords {
  /** One character for each byte, as in `TarHeader`. */
  readonly path?: string;
  readonly sizeBytes?: number;
  /** Whole seconds, rounded down. */
  readonly modifiedSeconds?: number;
}

/**
 * Reads an extended header's content: records `LENGTH KEY=VALUE\n`, LENGTH in decimal and of the whole record, each key once.
 * @param linkTargets whether `linkpath` may stand there too, which is not read either
 * @returns the records, or what is wrong with them as the end of the sentence "member X …"
 * @see POSIX.1-2017, pax, "pax Extended Header"
 */
export function parsePax(content: Buffer, linkTargets = false): PaxRecords | { readonly refused: string } {
  const values = new Map<string, string>();
  for (let at = 0; at < content.length; ) {
    const record = recordAt(content, at);
    if (record === undefined) return { refused: 'has a broken extended header' };
    const { key, value, end } = record;
    const isLink = linkTargets && key === 'linkpath';
    if (!ALLOWED_KEYS.has(key) && !isLink && !ALLOWED_PREFIXES.some((prefix) => key.startsWith(prefix))) {
      return { refused: `has the extended header key ${quoteName(key)}, which is not allowed here` };
    }
    if (values.has(key)) return { refused: `has the extended header key ${quoteName(key)} twice` };
    values.set(key, value);
    at = end;
  }
  const path = values.get('path');
  const sizeBytes = wholeNumber(values.get('size'));
  const modifiedSeconds = seconds(values.get('mtime'));
  if (path === '' || path?.includes('\0')) return { refused: 'has a broken name in its extended header' };
  if (sizeBytes === 'broken')
    return { refused: 'has a size in its extended header that is no number from 0 to 2^53-1' };
  if (modifiedSeconds === 'broken') return { refused: 'has a time in its extended header that is none' };
  return {
    ...(path !== undefined && { path }),
    ...(sizeBytes !== undefined && { sizeBytes }),
    ...(modifiedSeconds !== undefined && { modifiedSeconds }),
  };
}

/** No record is longer than eight digits can say. */
const LENGTH_DIGITS = 8;

function recordAt(content: Buffer, start: number): { key: string; value: string; end: number } | undefined {
  const digits = /^[1-9]\d*(?= )/.exec(content.toString('latin1', start, start + LENGTH_DIGITS + 1))?.[0];
  if (digits === undefined) return undefined;
  const end = start + Number(digits);
  const textStart = start + digits.length + 1;
  if (end > content.length || end <= textStart || content[end - 1] !== 0x0a) return undefined;
  const text = content.toString('latin1', textStart, end - 1);
  const equals = text.indexOf('=');
  return equals > 0 ? { key: text.slice(0, equals), value: text.slice(equals + 1), end } : undefined;
}

function wholeNumber(text: string | undefined): number | undefined | 'broken' {
  if (text === undefined) return undefined;
  const number = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(number) ? number : 'broken';
}

function seconds(text: string | undefined): number | undefined | 'broken' {
  if (text === undefined) return undefined;
  const number = /^-?\d{1,16}(\.\d{1,32})?$/.test(text) ? Math.floor(Number(text)) : Number.NaN;
  return isTime(number) ? number : 'broken';
}
