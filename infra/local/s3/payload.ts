import { createHash } from 'node:crypto';
import { ChunkedBody } from './body.ts';
import {
  announcedAlgorithm,
  type Checksum,
  type ChecksumAlgorithm,
  checksumHeader,
  DEFAULT_ALGORITHM,
  startChecksum,
} from './checksum.ts';
import { S3Error } from './errors.ts';
import type { Authentication } from './signature.ts';

/** What was learnt of a payload by reading it. */
export interface PayloadDigest {
  readonly sizeBytes: number;
  readonly md5: Buffer;
  readonly checksum: Checksum;
}

const SHA256_HEX = /^[0-9a-f]{64}$/;

/** Documents in requests are short; DeleteObjects with 1,000 keys and CompleteMultipartUpload with 10,000 parts fit. */
const MAX_TEXT_BYTES = 8 * 1024 * 1024;

/** The bytes a request carries: decoded, counted, and checked against every digest the client gave. */
export class Payload {
  readonly #headers: Readonly<Record<string, string>>;
  readonly #payloadHash: string;
  readonly #chunked: ChunkedBody | undefined;
  readonly #source: AsyncIterable<Buffer>;
  readonly #onBytes: (bytes: number) => void;

  /** @throws S3Error `NotImplemented` for a streaming form we do not know */
  constructor(
    source: AsyncIterable<Buffer>,
    headers: Readonly<Record<string, string>>,
    { payloadHash, chain }: Pick<Authentication, 'payloadHash' | 'chain'>,
    onBytes: (bytes: number) => void,
  ) {
    this.#onBytes = onBytes;
    this.#headers = headers;
    this.#payloadHash = payloadHash;
    const streaming = /^STREAMING-(AWS4-HMAC-SHA256|UNSIGNED)-PAYLOAD(-TRAILER)?$/.exec(payloadHash);
    if (streaming === null && payloadHash.startsWith('STREAMING-')) {
      throw new S3Error('NotImplemented', `This endpoint does not take a payload signed as ${payloadHash}`);
    }
    if (streaming !== null) {
      const trailer = streaming[2] === undefined ? undefined : headers['x-amz-trailer'];
      this.#chunked = new ChunkedBody(source, { chain: streaming[1] === 'UNSIGNED' ? undefined : chain, trailer });
    }
    this.#source = this.#chunked?.data() ?? source;
  }

  /**
   * Bytes to come, as announced.
   * @throws S3Error `MissingContentLength`
   */
  get sizeBytes(): number {
    const length = this.#headers[this.#chunked === undefined ? 'content-length' : 'x-amz-decoded-content-length'];
    if (length === undefined || !/^\d+$/.test(length)) {
      throw new S3Error('MissingContentLength', 'You must provide the Content-Length HTTP header.');
    }
    return Number(length);
  }

  /** The checksum algorithm the client chose. */
  get algorithm(): ChecksumAlgorithm | undefined {
    return announcedAlgorithm(this.#headers);
  }

  /**
   * Passes the bytes to `sink` and then checks them; what the sink made of them counts only when this returns.
   * @param options `algorithm` is computed when the client chose none; `checksumOfObject` says that the headers' checksum
   * is not of these bytes
   * @throws S3Error `BadDigest`, `IncompleteBody`, `XAmzContentSHA256Mismatch`, `SignatureDoesNotMatch`, …
   */
  async read(
    sink: (bytes: AsyncIterable<Buffer>) => Promise<void>,
    options: { algorithm?: ChecksumAlgorithm | undefined; checksumOfObject?: boolean } = {},
  ): Promise<PayloadDigest> {
    const wantedBytes = this.sizeBytes;
    const announced = options.checksumOfObject ? undefined : this.algorithm;
    const chosen = announced ?? options.algorithm ?? DEFAULT_ALGORITHM;
    const md5 = createHash('md5');
    const sha256 = SHA256_HEX.test(this.#payloadHash) ? createHash('sha256') : undefined;
    const checksum = startChecksum(chosen);
    let sizeBytes = 0;
    const source = this.#source;
    const onBytes = this.#onBytes;
    await sink(
      (async function* () {
        for await (const bytes of source) {
          md5.update(bytes);
          sha256?.update(bytes);
          checksum.update(bytes);
          sizeBytes += bytes.length;
          onBytes(bytes.length);
          yield bytes;
        }
      })(),
    );
    if (sizeBytes !== wantedBytes) {
      throw new S3Error(
        'IncompleteBody',
        'You did not provide the number of bytes specified by the Content-Length header',
      );
    }
    if (sha256 !== undefined && sha256.digest('hex') !== this.#payloadHash) {
      throw new S3Error(
        'XAmzContentSHA256Mismatch',
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
      );
    }
    const digest: PayloadDigest = {
      sizeBytes,
      md5: md5.digest(),
      checksum: { algorithm: chosen, type: 'FULL_OBJECT', value: checksum.digest().toString('base64') },
    };
    this.#check(digest, announced !== undefined);
    return digest;
  }

  #check({ md5, checksum }: PayloadDigest, announced: boolean): void {
    const header = checksumHeader(checksum.algorithm);
    const wantedChecksum = this.#chunked?.trailers[header] ?? this.#headers[header];
    if (announced && wantedChecksum !== undefined && wantedChecksum !== checksum.value) {
      throw new S3Error('BadDigest', `The ${checksum.algorithm} you specified did not match the calculated checksum.`);
    }
    const wantedMd5 = this.#headers['content-md5'];
    if (wantedMd5 !== undefined && wantedMd5 !== md5.toString('base64')) {
      throw new S3Error('BadDigest', 'The Content-MD5 you specified did not match what we received.');
    }
  }

  /** All of it, for documents. @throws S3Error also `MaxMessageLengthExceeded` */
  async text(options: { checksumOfObject?: boolean } = {}): Promise<string> {
    const chunks: Buffer[] = [];
    if (this.#headers['content-length'] === undefined && this.#chunked === undefined) return '';
    if (this.sizeBytes > MAX_TEXT_BYTES) throw new S3Error('MaxMessageLengthExceeded', 'Your request was too big.');
    await this.read(async (bytes) => {
      for await (const chunk of bytes) chunks.push(chunk);
    }, options);
    return Buffer.concat(chunks).toString();
  }
}
