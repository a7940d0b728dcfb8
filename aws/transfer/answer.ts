import { type AnswerHead, MAX_HEAD_BYTES, malformed, parseAnswerHead } from './answer-head.ts';
import { ChunkedBody } from './chunked.ts';
import { Landing } from './landing.ts';

/** Documents in answers: a listing of 1,000 keys of 1 KiB each is the longest. */
const MAX_DOCUMENT_BYTES = 16 * 1024 * 1024;
const END_OF_HEAD = Buffer.from('\r\n\r\n');
const NOTHING = Buffer.alloc(0);

/** Takes one answer apart as its bytes come. */
export class AnswerReader {
  readonly #method: string;
  readonly #wanted: Landing | undefined;
  /** Of the head, as far as it has come. */
  #start: Buffer = NOTHING;
  #head: AnswerHead | undefined;
  #body: Landing | ChunkedBody | undefined;
  #leftOut = false;

  /**
   * @param method of the request
   * @param landing for the body of a 200 or 206 of exactly its length; one of any other length is left unread
   */
  constructor(method: string, landing?: Landing) {
    this.#method = method;
    this.#wanted = landing;
  }

  get head(): AnswerHead | undefined {
    return this.#head;
  }

  /** Of an answer that did not land. */
  get document(): Buffer {
    if (this.#body === undefined || this.#body === this.#wanted) return NOTHING;
    return this.#body.bytes;
  }

  get hasLanded(): boolean {
    return this.#body !== undefined && this.#body === this.#wanted;
  }

  get done(): boolean {
    if (this.#leftOut) return true;
    return this.#body instanceof Landing ? this.#body.isFull : this.#body?.done === true;
  }

  /** Whether the connection stands behind the answer's last byte, and may be used again. */
  get leavesConnection(): boolean {
    return this.done && !this.#leftOut && this.#head?.keepAlive === true;
  }

  /** Where the next bytes should be read to, and then be told by `landed`; undefined: anywhere, and given to `push`. */
  get space(): Buffer | undefined {
    return this.#body instanceof Landing && !this.#body.isFull ? this.#body.space : undefined;
  }

  landed(count: number): void {
    (this.#body as Landing).advance(count);
  }

  /**
   * Takes bytes, which may be overwritten afterwards.
   * @returns how many of them belong to the answer: all, but for the last call
   * @throws PodfreightError `service` when they are no answer
   */
  push(bytes: Buffer): number {
    let at = 0;
    while (this.#head === undefined) {
      if (at === bytes.length) return at;
      at += this.#takeHead(bytes.subarray(at));
    }
    if (this.done) return at;
    const rest = bytes.subarray(at);
    if (this.#body instanceof ChunkedBody) return at + this.#body.push(rest);
    const taken = rest.copy(this.#body!.space);
    this.landed(taken);
    return at + taken;
  }

  #takeHead(bytes: Buffer): number {
    const before = this.#start.length;
    this.#start = Buffer.concat([this.#start, bytes]);
    const end = this.#start.indexOf(END_OF_HEAD);
    if ((end < 0 ? this.#start.length : end) > MAX_HEAD_BYTES) throw malformed('has too many headers');
    if (end < 0) return bytes.length;
    const head = parseAnswerHead(this.#start.toString('latin1', 0, end), this.#method);
    this.#start = NOTHING;
    if (head.status === 101) throw malformed('changes the protocol');
    if (head.status >= 200) this.#begin(head); // else the real one follows
    return end + END_OF_HEAD.length - before;
  }

  #begin(head: AnswerHead): void {
    this.#head = head;
    const { framing, status } = head;
    if (this.#wanted !== undefined && (status === 200 || status === 206)) {
      if (framing.kind === 'length' && framing.bytes === this.#wanted.bytes.length) this.#body = this.#wanted;
      else this.#leftOut = true;
    } else if (framing.kind === 'chunked') {
      this.#body = new ChunkedBody(MAX_DOCUMENT_BYTES);
    } else {
      if (framing.bytes > MAX_DOCUMENT_BYTES) throw malformed(`is longer than ${MAX_DOCUMENT_BYTES} bytes`);
      this.#body = new Landing(Buffer.allocUnsafe(framing.bytes));
    }
  }
}
