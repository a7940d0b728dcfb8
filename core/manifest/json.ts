import { isUtf8 } from 'node:buffer';
import { quoteText } from './quote.ts';

/**
 * JSON as a tree that keeps what `JSON.parse` loses: fields in order with their duplicates, numbers as they were written.
 * Field names are only ever data here, so `__proto__` is a name like any other.
 */
export type JsonValue =
  | { readonly kind: 'null' }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'number'; readonly text: string }
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'array'; readonly items: readonly JsonValue[] }
  | { readonly kind: 'object'; readonly fields: readonly JsonField[] };

export type JsonField = readonly [name: string, value: JsonValue];

/** A manifest nests 5 deep; the rest is room for unknown fields, far from the end of the stack. */
export const JSON_DEPTH_MAX = 64;

/** About 16,000 pods. */
export const JSON_BYTES_MAX = 16 * 1024 * 1024;

/** Bounds the memory of the tree, which takes about 100 bytes for a value that takes 2 as text. */
export const JSON_VALUES_MAX = 1_000_000;

/** Why bytes are not JSON: `message` completes "X is not JSON: …", `offset` is the byte where it shows. */
export class JsonError extends Error {
  override readonly name = 'JsonError';
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(`${message} at byte ${offset}`);
    this.offset = offset;
  }
}

/**
 * Reads one JSON text: strict grammar, valid UTF-8, no byte order mark, nothing but white space after it, and within the
 * limits above. Escapes of lone surrogates become U+FFFD, as encoding/json has it.
 * @throws JsonError
 * @see RFC 8259
 */
export function parseJson(bytes: Uint8Array): JsonValue {
  if (bytes.length > JSON_BYTES_MAX) {
    throw new JsonError(`more than ${JSON_BYTES_MAX} bytes`, JSON_BYTES_MAX);
  }
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (!isUtf8(buffer)) throw new JsonError('invalid UTF-8', firstDifference(buffer, Buffer.from(buffer.toString())));
  return new Reader(buffer).document();
}

/** Decoding replaced what was invalid, so that is where the texts part. */
function firstDifference(a: Buffer, b: Buffer): number {
  const end = Math.min(a.length, b.length);
  for (let i = 0; i < end; i++) {
    if (a[i] !== b[i]) return i;
  }
  return end;
}

const BYTE_ORDER_MARK = Buffer.from('\ufeff');
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const [QUOTE, BACKSLASH, COMMA, COLON] = [...Buffer.from('"\\,:')] as [number, number, number, number];
const [ARRAY_START, ARRAY_END, OBJECT_START, OBJECT_END] = [...Buffer.from('[]{}')] as [number, number, number, number];
const WHITE_SPACE = new Set(Buffer.from(' \t\r\n'));
const NUMBER_BYTES = new Set(Buffer.from('-+.eE0123456789'));
const WORDS: readonly (readonly [Buffer, JsonValue])[] = [
  [Buffer.from('null'), { kind: 'null' }],
  [Buffer.from('true'), { kind: 'boolean', value: true }],
  [Buffer.from('false'), { kind: 'boolean', value: false }],
];

class Reader {
  readonly #bytes: Buffer;
  #at = 0;
  #depth = 0;
  #values = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  document(): JsonValue {
    if (this.#bytes.indexOf(BYTE_ORDER_MARK) === 0) throw new JsonError('a byte order mark', 0);
    const value = this.#value();
    this.#skipWhiteSpace();
    if (this.#at < this.#bytes.length) throw new JsonError('data after the end', this.#at);
    return value;
  }

  #value(): JsonValue {
    if (++this.#values > JSON_VALUES_MAX) throw new JsonError(`more than ${JSON_VALUES_MAX} values`, this.#at);
    this.#skipWhiteSpace();
    switch (this.#bytes[this.#at]) {
      case OBJECT_START:
        return { kind: 'object', fields: this.#list(OBJECT_END, () => this.#field()) };
      case ARRAY_START:
        return { kind: 'array', items: this.#list(ARRAY_END, () => this.#value()) };
      case QUOTE:
        return { kind: 'string', text: this.#string() };
      default:
        return this.#word() ?? this.#number();
    }
  }

  /** What stands between brackets, separated by commas. */
  #list<T>(endByte: number, element: () => T): T[] {
    if (++this.#depth > JSON_DEPTH_MAX) throw new JsonError(`more than ${JSON_DEPTH_MAX} levels`, this.#at);
    this.#at++;
    const list: T[] = [];
    if (!this.#accept(endByte)) {
      do list.push(element());
      while (this.#accept(COMMA));
      if (!this.#accept(endByte)) throw this.#unexpected();
    }
    this.#depth--;
    return list;
  }

  #field(): JsonField {
    this.#skipWhiteSpace();
    if (this.#bytes[this.#at] !== QUOTE) throw this.#unexpected();
    const name = this.#string();
    if (!this.#accept(COLON)) throw this.#unexpected();
    return [name, this.#value()];
  }

  #string(): string {
    const start = this.#at;
    let escaped = false;
    for (let at = start + 1; at < this.#bytes.length; at++) {
      const byte = this.#bytes[at]!;
      if (byte === QUOTE) {
        this.#at = at + 1;
        return escaped ? decodeLiteral(this.#bytes.toString('utf8', start, at + 1), start) : this.#text(start + 1, at);
      }
      if (byte < 0x20) throw new JsonError('a control character in a string', at);
      if (byte === BACKSLASH) {
        escaped = true;
        at++;
      }
    }
    throw new JsonError('an unfinished string', start);
  }

  #word(): JsonValue | undefined {
    for (const [word, value] of WORDS) {
      if (this.#bytes.subarray(this.#at, this.#at + word.length).equals(word)) {
        this.#at += word.length;
        return value;
      }
    }
    return undefined;
  }

  #number(): JsonValue {
    let end = this.#at;
    while (NUMBER_BYTES.has(this.#bytes[end] ?? 0)) end++;
    const text = this.#text(this.#at, end);
    if (text === '') throw this.#unexpected();
    if (!NUMBER.test(text)) throw new JsonError('a malformed number', this.#at);
    this.#at = end;
    return { kind: 'number', text };
  }

  #text(start: number, end: number): string {
    return this.#bytes.toString('utf8', start, end);
  }

  #accept(byte: number): boolean {
    this.#skipWhiteSpace();
    if (this.#bytes[this.#at] !== byte) return false;
    this.#at++;
    return true;
  }

  #skipWhiteSpace(): void {
    while (WHITE_SPACE.has(this.#bytes[this.#at] ?? 0)) this.#at++;
  }

  #unexpected(): JsonError {
    if (this.#at >= this.#bytes.length) return new JsonError('an early end', this.#at);
    const character = String.fromCodePoint(this.#text(this.#at, this.#at + 4).codePointAt(0)!);
    return new JsonError(`an unexpected ${quoteText(character)}`, this.#at);
  }
}

/** `literal` has its quotes, and no control characters. */
function decodeLiteral(literal: string, offset: number): string {
  try {
    return (JSON.parse(literal) as string).toWellFormed();
  } catch {
    throw new JsonError('a string with a malformed escape', offset);
  }
}
