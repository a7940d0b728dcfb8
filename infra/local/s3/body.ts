import { createHash } from 'node:crypto';
import { S3Error } from './errors.ts';
import type { SignatureChain } from './signature.ts';

/** Lines between chunks are short; a longer one is no line. */
const MAX_LINE_BYTES = 4096;

const CRLF = '\r\n';

const CHUNK_HEADER = /^([0-9a-f]{1,12})(?:;chunk-signature=([0-9a-f]{64}))?$/i;

const TRAILER_SIGNATURE = 'x-amz-trailer-signature';

/**
 * Decodes `aws-chunked`: `<hex size>[;chunk-signature=<64 hex>]\r\n<data>\r\n`, the last of size 0, then trailers as
 * `name:value\r\n` and an empty line. Data of any size passes in the pieces it came in.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
 */
export class ChunkedBody {
  /** Filled once all data were read; names in lower case. */
  readonly trailers: Record<string, string> = {};
  readonly #source: ByteReader;
  readonly #chain: SignatureChain | undefined;
  readonly #trailer: string | undefined;

  /**
   * @param chain checks the chunks' signatures; without it they must have none
   * @param trailer the one announced in `x-amz-trailer`
   */
  constructor(
    source: AsyncIterable<Buffer>,
    { chain, trailer }: { chain: SignatureChain | undefined; trailer: string | undefined },
  ) {
    this.#source = new ByteReader(source);
    this.#chain = chain;
    this.#trailer = trailer?.trim().toLowerCase();
  }

  /** @throws S3Error `IncompleteBody`, `SignatureDoesNotMatch`, `MalformedTrailerError` */
  async *data(): AsyncGenerator<Buffer> {
    try {
      yield* this.#chunks();
      await this.#readTrailers();
    } finally {
      await this.#source.release();
    }
  }

  async *#chunks(): AsyncGenerator<Buffer> {
    for (;;) {
      const [, size, signature = ''] = CHUNK_HEADER.exec(await this.#line()) ?? [];
      if (size === undefined) throw incomplete('a chunk header is malformed');
      const sizeBytes = Number.parseInt(size, 16);
      const hash = this.#chain === undefined ? undefined : createHash('sha256');
      for await (const bytes of this.#source.take(sizeBytes)) {
        hash?.update(bytes);
        yield bytes;
      }
      if (hash !== undefined) this.#chain?.checkChunk(signature, hash.digest('hex'));
      if (sizeBytes === 0) return;
      if ((await this.#line()) !== '') throw incomplete('a chunk is longer than it says');
    }
  }

  async #readTrailers(): Promise<void> {
    for (let line = await this.#source.line(); line; line = await this.#source.line()) {
      const colon = line.indexOf(':');
      if (colon < 0) throw malformedTrailer();
      this.trailers[line.slice(0, colon).trim().toLowerCase()] = line.slice(colon + 1).trim();
    }
    const { [TRAILER_SIGNATURE]: signature, ...announced } = this.trailers;
    const names = Object.keys(announced);
    if (names.length > 1 || names[0] !== this.#trailer) throw malformedTrailer();
    if (this.#trailer === undefined || this.#chain === undefined) return;
    this.#chain.checkTrailer(signature ?? '', `${this.#trailer}:${announced[this.#trailer]}\n`);
  }

  async #line(): Promise<string> {
    const line = await this.#source.line();
    if (line === undefined) throw incomplete('the body ends early');
    return line;
  }
}

/** Lines and runs of bytes from chunks of any size, copying no more than a line. */
class ByteReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #buffer: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  /** Without its CRLF; undefined when the source ends before one. */
  async line(): Promise<string | undefined> {
    for (;;) {
      const end = this.#buffer.indexOf(CRLF);
      if (end >= 0) {
        const line = this.#buffer.toString('latin1', 0, end);
        this.#buffer = this.#buffer.subarray(end + CRLF.length);
        return line;
      }
      if (this.#buffer.length > MAX_LINE_BYTES) throw incomplete('a line is too long');
      if (!(await this.#more())) return undefined;
    }
  }

  async *take(sizeBytes: number): AsyncGenerator<Buffer> {
    for (let left = sizeBytes; left > 0; ) {
      if (this.#buffer.length === 0 && !(await this.#more())) throw incomplete('the body ends early');
      const piece = this.#buffer.subarray(0, left);
      this.#buffer = this.#buffer.subarray(piece.length);
      left -= piece.length;
      if (piece.length > 0) yield piece;
    }
  }

  /** Lets go of the source, so that somebody else can read what is left of it. */
  async release(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #more(): Promise<boolean> {
    const next = await this.#chunks.next();
    if (next.done) return false;
    this.#buffer = this.#buffer.length === 0 ? next.value : Buffer.concat([this.#buffer, next.value]);
    return true;
  }
}

function incomplete(what: string): S3Error {
  return new S3Error('IncompleteBody', `The request body terminated unexpectedly: ${what}`);
}

function malformedTrailer(): S3Error {
  return new S3Error('MalformedTrailerError', 'The request contained trailing data that was not well-formed');
}
