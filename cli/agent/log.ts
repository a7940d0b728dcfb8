import { isPodfreightError } from '../../core/errors.ts';
import { jsonText } from '../output.ts';
import { safeText } from '../safe-text.ts';

export type Level = 'info' | 'warn' | 'error';
export type Fields = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** Longer ones are cut: what a file name or an endpoint says may be anything. */
const MESSAGE_LENGTH_MAX = 2000;

/** One line for each event: JSON for machines, text for a person. Only what is given is written, and no credentials are. */
export class Log {
  readonly #format: 'json' | 'text';
  readonly #write: (line: string) => unknown;

  constructor(format: 'json' | 'text', write: (line: string) => unknown = (line) => process.stderr.write(line)) {
    this.#format = format;
    this.#write = write;
  }

  info(message: string, fields: Fields = {}): void {
    this.#line('info', message, fields);
  }

  warn(message: string, fields: Fields = {}): void {
    this.#line('warn', message, fields);
  }

  error(message: string, fields: Fields = {}): void {
    this.#line('error', message, fields);
  }

  /** What failed, with its code. */
  failure(level: Level, error: unknown, fields: Fields = {}): void {
    const { code, message } = failureOf(error);
    this.#line(level, message, { code, ...fields });
  }

  #line(level: Level, said: string, fields: Fields): void {
    const message = said.length > MESSAGE_LENGTH_MAX ? `${said.slice(0, MESSAGE_LENGTH_MAX)}…` : said;
    const time = new Date().toISOString();
    if (this.#format === 'json') {
      this.#write(`${jsonText({ time, level, message, ...fields }, 0)}\n`);
      return;
    }
    const details = Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `  ${name}=${Array.isArray(value) ? value.join(',') : value}`);
    this.#write(`${time.slice(11, 19)} ${level.padEnd(5)} ${safeText(message + details.join(''))}\n`);
  }
}

/** Code and sentence of any error; one without a code is a defect. */
export function failureOf(error: unknown): { readonly code: string; readonly message: string } {
  if (isPodfreightError(error)) return { code: error.code, message: error.message };
  if ((error as { code?: unknown }).code === 'ERR_SQLITE_ERROR') {
    return { code: 'io', message: `The state file cannot be used: ${(error as Error).message}.` };
  }
  return { code: 'internal', message: `Internal error, please report it: ${String(error)}` };
}
