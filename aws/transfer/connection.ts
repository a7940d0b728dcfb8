import type { Socket } from 'node:net';
import { PodfreightError } from '../../core/errors.ts';
import { AnswerReader } from './answer.ts';
import type { AnswerHead } from './answer-head.ts';
import { BrokenBody, type Landing } from './landing.ts';
import { encodeHead, type WireRequest } from './wire-request.ts';

/** For heads, documents, and the beginning of what lands. A TLS record is not longer. */
const SCRATCH_BYTES = 16 * 1024;
/** TLS keeps what is written at once a second time, encrypted, until it is sent. */
const WRITE_BYTES = 256 * 1024;

/** What a socket is given to read into memory of ours. */
export interface ReadInto {
  buffer(): Buffer;
  callback(count: number): boolean;
}

export interface ExchangeOptions {
  /** Without a byte in either direction until the answer begins. */
  readonly answerMs: number;
  /** Without a byte of the answer after that. */
  readonly stallMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly landing?: Landing | undefined;
}

export interface Answer extends AnswerHead {
  /** Empty when it landed. */
  readonly document: Buffer;
}

interface Exchange {
  readonly reader: AnswerReader;
  readonly options: ExchangeOptions;
  readonly answer: PromiseWithResolvers<Answer>;
  /** All of the request is on its way. */
  sent: boolean;
}

/** One connection, for one request at a time. After any trouble it is closed. */
export class Connection {
  readonly #scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  readonly #socket: Socket;
  #space: Buffer = this.#scratch;
  #exchange: Exchange | undefined;
  #open = true;
  #writable = Promise.withResolvers<void>();

  /**
   * @param connect begins a connection that reads into what it is given
   * @param connectMs until it stands
   */
  constructor(connect: (onread: ReadInto) => Socket, connectMs: number) {
    this.#socket = connect({ buffer: () => this.#nextSpace(), callback: (count) => this.#onBytes(count) });
    const late = setTimeout(() => this.#fail(silent('the connection was not made in time')), connectMs);
    this.#socket.once('encrypted' in this.#socket ? 'secureConnect' : 'connect', () => clearTimeout(late));
    this.#socket.once('close', () => clearTimeout(late));
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('end', () => this.#fail(ended()));
    this.#socket.on('close', () => this.#fail(ended()));
    this.#socket.on('timeout', () => this.#fail(silent('no byte came or went in time')));
    this.#socket.on('drain', () => this.#wakeWriter());
  }

  /** False when another request would fail for sure. */
  get isOpen(): boolean {
    return this.#open;
  }

  /** Whether the process waits for it. */
  set isWaitedFor(yes: boolean) {
    if (yes) this.#socket.ref();
    else this.#socket.unref();
  }

  /**
   * Sends a request and takes its answer.
   * @throws BrokenBody when an answer that landed broke off; `TimeoutError`, `AbortError` and network errors as the SDK
   *   knows them; PodfreightError `service` for what is no answer
   */
  async exchange(request: WireRequest, options: ExchangeOptions): Promise<Answer> {
    const { signal } = options;
    const onAbort = () => this.#fail(Object.assign(new Error('Request aborted'), { name: 'AbortError' }));
    const reader = new AnswerReader(request.method, options.landing);
    const exchange: Exchange = { reader, options, answer: Promise.withResolvers(), sent: false };
    this.#exchange = exchange;
    this.#socket.setTimeout(options.answerMs);
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
    try {
      this.#send(request, exchange).catch((error: unknown) => this.#fail(error));
      return await exchange.answer.promise;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  close(): void {
    this.#fail(ended());
  }

  async #send(request: WireRequest, exchange: Exchange): Promise<void> {
    const socket = this.#socket;
    socket.cork(); // the head travels with the beginning of the body
    socket.write(encodeHead(request), 'latin1');
    for (let at = 0, goesOn = true; at < request.body.length; at += WRITE_BYTES) {
      if (!goesOn) await this.#writable.promise;
      if (this.#exchange !== exchange) return;
      goesOn = socket.write(request.body.subarray(at, at + WRITE_BYTES));
      socket.uncork();
    }
    socket.uncork();
    exchange.sent = true;
    this.#finishIfDone();
  }

  #wakeWriter(): void {
    this.#writable.resolve();
    this.#writable = Promise.withResolvers();
  }

  #nextSpace(): Buffer {
    this.#space = this.#exchange?.reader.space ?? this.#scratch;
    return this.#space;
  }

  #onBytes(count: number): boolean {
    const { reader, options } = this.#exchange ?? {};
    try {
      if (reader === undefined || options === undefined) {
        this.#fail(ended()); // nobody asked
      } else if (this.#space === this.#scratch) {
        const begins = reader.head === undefined;
        const taken = reader.push(this.#scratch.subarray(0, count));
        if (begins && reader.head !== undefined) this.#socket.setTimeout(Math.max(options.stallMs, 1));
        this.#finishIfDone(taken < count);
      } else {
        reader.landed(count);
        this.#finishIfDone();
      }
    } catch (error) {
      this.#fail(error);
    }
    return true;
  }

  /** @param more bytes came behind the answer */
  #finishIfDone(more = false): void {
    const exchange = this.#exchange;
    if (!exchange?.reader.done) return;
    const { reader, answer, sent } = exchange;
    this.#exchange = undefined;
    this.#wakeWriter(); // an answer that comes before all is sent is a refusal
    this.#socket.setTimeout(0);
    const isThrough = sent && this.#socket.writableLength === 0;
    if (!isThrough || more || !reader.leavesConnection) this.close();
    answer.resolve({ ...reader.head!, document: reader.document });
  }

  #fail(error: unknown): void {
    if (!this.#open) return;
    this.#open = false;
    const exchange = this.#exchange;
    this.#exchange = undefined;
    this.#socket.destroy(); // from here on nothing is written to the landing
    this.#wakeWriter();
    const isBroken = exchange?.reader.hasLanded && !(error instanceof PodfreightError) && !isAbort(error);
    exchange?.answer.reject(isBroken ? new BrokenBody(error as Error) : error);
  }
}

function ended(): Error {
  return Object.assign(new Error('the connection ended before the answer did'), { code: 'ECONNRESET' });
}

function silent(how: string): Error {
  return Object.assign(new Error(how), { name: 'TimeoutError' });
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
