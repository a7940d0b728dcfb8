import { formatBytes } from './bytes.ts';

/** What is going on, for a person who waits. */
export interface Progress extends Disposable {
  /** `bytes` more are done. */
  advance(bytes: number): void;
  /** Replaces the label, when another step begins. */
  label(text: string): void;
  /** Ends it and clears the line; idempotent. */
  [Symbol.dispose](): void;
}

/** The part of a terminal stream that is used. */
export interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const REDRAW_MS = 100;
const CLEAR_LINE = '\r\x1b[2K';

/** Whether a line can be drawn over on `terminal`. */
export function canDraw(terminal: Terminal): boolean {
  return terminal.isTTY === true && process.env.TERM !== 'dumb';
}

export const NO_PROGRESS: Progress = { advance() {}, label() {}, [Symbol.dispose]() {} };

/** One line that is drawn over: `label  45 %  1.2 GiB of 2.6 GiB  120.0 MiB/s`; without a total, just bytes and speed. */
export class ProgressLine implements Progress {
  readonly #terminal: Terminal;
  readonly #totalBytes: number | undefined;
  readonly #startedAt = performance.now();
  readonly #timer: NodeJS.Timeout;
  #label: string;
  #bytes = 0;
  #ended = false;

  /** @param totalBytes what `advance` will add up to, when that is known */
  constructor(terminal: Terminal, label: string, totalBytes?: number) {
    this.#terminal = terminal;
    this.#label = label;
    this.#totalBytes = totalBytes;
    this.#timer = setInterval(() => this.draw(), REDRAW_MS).unref();
    this.draw();
  }

  advance(bytes: number): void {
    this.#bytes += bytes;
  }

  label(text: string): void {
    this.#label = text;
  }

  draw(): void {
    if (this.#ended) return;
    const width = (this.#terminal.columns || 80) - 1; // a full line would wrap on some terminals; 0 is unknown
    this.#terminal.write(CLEAR_LINE + this.text().slice(0, width));
  }

  /** Clears the line so that something else can be written; the next draw brings it back. */
  clear(): void {
    if (!this.#ended) this.#terminal.write(CLEAR_LINE);
  }

  [Symbol.dispose](): void {
    if (this.#ended) return;
    clearInterval(this.#timer);
    this.clear();
    this.#ended = true;
  }

  text(): string {
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const speed = `${formatBytes(Math.round(this.#bytes / Math.max(seconds, 0.001)))}/s`;
    if (this.#totalBytes === undefined) return `${this.#label}  ${formatBytes(this.#bytes)}  ${speed}`;
    const done = Math.min(this.#bytes, this.#totalBytes);
    const percent = this.#totalBytes === 0 ? 100 : Math.floor((done / this.#totalBytes) * 100);
    return `${this.#label}  ${percent} %  ${formatBytes(done)} of ${formatBytes(this.#totalBytes)}  ${speed}`;
  }
}
