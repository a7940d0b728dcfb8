import type { PodfreightError } from '../core/errors.ts';
import { canDraw, NO_PROGRESS, type Progress, ProgressLine } from './progress.ts';
import { safeText } from './safe-text.ts';

/** As in safe-text.ts, but for the newlines and spaces of JSON itself. */
const UNSAFE = /[[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]--[ \n]]/gv;

/** JSON of `value` in valid UTF-8; what a terminal could obey, or hide, is escaped, which does not change the value. */
export function jsonText(value: unknown, indent = 2): string {
  return JSON.stringify(value, null, indent).replace(UNSAFE, (character) =>
    character
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}

/** Long enough to name dozens of pods; names from a manifest may be a megabyte long. */
const MESSAGE_LENGTH_MAX = 4000;

/** The result on stdout, everything else on stderr. */
export class Output {
  readonly json: boolean;
  #progress: ProgressLine | undefined;

  constructor({ json }: { json: boolean }) {
    this.json = json;
  }

  /** With `--json` the value, else the text, which ends with its own newline. Nothing escapes `text`: its makers did. */
  result(value: unknown, text: string): void {
    process.stdout.write(this.json ? `${jsonText(value)}\n` : text);
  }

  /** Bytes for a pipe, waiting where the reader is slower. */
  async bytes(chunk: Uint8Array): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      process.stdout.write(chunk, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** A line about the result when it is not the result itself: for a person only. */
  note(sentence: string): void {
    if (canDraw(process.stderr)) this.#message(sentence);
  }

  warn(sentence: string): void {
    this.#message(`warning: ${sentence}`);
  }

  /** `podfreight: <sentence>`, or with `--json` one line `{"error":{"code","message",…}}`; both on stderr. */
  failure(error: PodfreightError): void {
    const { code, message, subject } = error;
    if (this.json) this.#stderrLine(jsonText({ error: { ...subject, code, message } }, 0));
    else this.#message(message);
  }

  /** A progress line where stderr is a terminal, else nothing. Only one at a time. */
  progress(label: string, totalBytes?: number): Progress {
    if (!canDraw(process.stderr)) return NO_PROGRESS;
    this.#progress = new ProgressLine(process.stderr, safeText(label), totalBytes);
    return this.#progress;
  }

  #message(sentence: string): void {
    const text = safeText(sentence);
    const shown = text.length > MESSAGE_LENGTH_MAX ? `${text.slice(0, MESSAGE_LENGTH_MAX)}…` : text;
    this.#stderrLine(`podfreight: ${shown}`);
  }

  #stderrLine(line: string): void {
    this.#progress?.clear();
    process.stderr.write(`${line}\n`);
  }
}
