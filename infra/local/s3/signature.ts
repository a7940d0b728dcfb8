import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { S3Error } from './errors.ts';

/** The parts of a request that AWS Signature Version 4 covers. Header names are in lower case. */
export interface SignedMessage {
  readonly method: string;
  /** As it came: still encoded, with the query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Authentication {
  readonly accessKeyId: string;
  readonly presigned: boolean;
  /** SHA-256 of the payload in hexadecimal, `UNSIGNED-PAYLOAD`, or one of the `STREAMING-` forms. */
  readonly payloadHash: string;
  /** Checks what a streaming payload signs. */
  readonly chain: SignatureChain;
}

interface Claim {
  /** access key id, day, region, service, `aws4_request` */
  readonly credential: string;
  readonly signedHeaders: string;
  readonly signature: string;
  readonly date: string;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';
const MAX_SKEW_MS = 15 * 60 * 1000;
const MAX_EXPIRES_S = 7 * 24 * 3600;
const EMPTY_SHA256 = createHash('sha256').digest('hex');

/**
 * Who sent the request, proved by its signature: in the Authorization header, or in the query of a presigned URL.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
 * @throws S3Error `AccessDenied`, `InvalidAccessKeyId`, `SignatureDoesNotMatch`, `RequestTimeTooSkewed`, `InvalidRequest`, …
 */
export function authenticate(
  message: SignedMessage,
  { credentials, region, now }: { credentials: Readonly<Record<string, string>>; region: string; now: Date },
): Authentication {
  const query = new URLSearchParams(message.url.split('?')[1] ?? '');
  const presigned = message.headers.authorization === undefined;
  const claim = presigned ? claimOfQuery(query) : claimOfHeader(message.headers);
  const [accessKeyId = '', day, claimedRegion, service] = claim.credential.split('/');
  const secret = Object.hasOwn(credentials, accessKeyId) ? credentials[accessKeyId] : undefined;
  if (secret === undefined) {
    throw new S3Error('InvalidAccessKeyId', 'The AWS Access Key Id you provided does not exist in our records.', {
      details: { AWSAccessKeyId: accessKeyId },
    });
  }
  if (claimedRegion !== region || service !== 's3') {
    throw new S3Error(
      presigned ? 'AuthorizationQueryParametersError' : 'AuthorizationHeaderMalformed',
      `The credential scope is wrong: it is for ${claimedRegion}/${service}; expecting '${region}/s3'`,
      { details: { Region: region } },
    );
  }
  checkTime(claim.date, now, presigned ? query.get('X-Amz-Expires') : undefined);
  checkSignedHeaders(claim.signedHeaders.split(';'), message.headers);

  const unsigned = presigned ? (query.get('X-Amz-Content-Sha256') ?? 'UNSIGNED-PAYLOAD') : undefined;
  const payloadHash = message.headers['x-amz-content-sha256'] ?? unsigned;
  if (payloadHash === undefined) {
    throw new S3Error('InvalidRequest', 'Missing required header for this request: x-amz-content-sha256');
  }
  const scope = `${day}/${region}/${service}/aws4_request`;
  const canonical = canonicalRequest(message, claim.signedHeaders, payloadHash);
  const chain = new SignatureChain(signingKey(secret, day ?? '', region, service), claim.date, scope, claim.signature);
  chain.checkSeed(canonical);
  return { accessKeyId, presigned, payloadHash, chain };
}

function claimOfHeader(headers: SignedMessage['headers']): Claim {
  const match = /^AWS4-HMAC-SHA256 Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]{64})$/.exec(
    headers.authorization ?? '',
  );
  if (match === null) throw new S3Error('AuthorizationHeaderMalformed', 'The authorization header is malformed.');
  const date = headers['x-amz-date'];
  if (date === undefined) throw new S3Error('AccessDenied', 'AWS authentication requires a valid x-amz-date header');
  return { credential: match[1]!, signedHeaders: match[2]!, signature: match[3]!, date };
}

function claimOfQuery(query: URLSearchParams): Claim {
  const signature = query.get('X-Amz-Signature');
  if (signature === null) throw new S3Error('AccessDenied', 'Access Denied');
  const credential = query.get('X-Amz-Credential');
  const signedHeaders = query.get('X-Amz-SignedHeaders');
  const date = query.get('X-Amz-Date');
  if (query.get('X-Amz-Algorithm') !== ALGORITHM || credential === null || signedHeaders === null || date === null) {
    throw new S3Error(
      'AuthorizationQueryParametersError',
      'Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.',
    );
  }
  return { credential, signedHeaders, signature, date };
}

/** A presigned URL lives as long as it says, anything else a quarter of an hour. */
function checkTime(date: string, now: Date, expires: string | null | undefined): void {
  const signedAt = Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  if (Number.isNaN(signedAt)) throw new S3Error('AccessDenied', 'X-Amz-Date must be formatted as yyyymmddThhmmssZ');
  if (signedAt - now.getTime() > MAX_SKEW_MS || (expires === undefined && now.getTime() - signedAt > MAX_SKEW_MS)) {
    throw new S3Error(
      'RequestTimeTooSkewed',
      'The difference between the request time and the current time is too large.',
    );
  }
  if (expires === undefined) return;
  const seconds = Number(expires);
  if (expires === null || !Number.isInteger(seconds) || seconds < 1 || seconds > MAX_EXPIRES_S) {
    throw new S3Error('AuthorizationQueryParametersError', 'X-Amz-Expires must be between 1 and 604800 seconds');
  }
  if (now.getTime() > signedAt + seconds * 1000) throw new S3Error('AccessDenied', 'Request has expired');
}

/** Host and every `x-amz-` header must be signed, or they could be changed on the way. */
function checkSignedHeaders(signed: readonly string[], headers: SignedMessage['headers']): void {
  const missing = Object.keys(headers).filter(
    (name) => (name === 'host' || name.startsWith('x-amz-')) && !signed.includes(name),
  );
  if (missing.length > 0) {
    throw new S3Error('AccessDenied', 'There were headers present in the request which were not signed', {
      details: { HeadersNotSigned: missing.join(', ') },
    });
  }
}

function canonicalRequest(message: SignedMessage, signedHeaders: string, payloadHash: string): string {
  const [path = '/', query = ''] = message.url.split('?');
  const headers = signedHeaders
    .split(';')
    .map((name) => `${name}:${(message.headers[name] ?? '').trim().replace(/ +/g, ' ')}\n`);
  const canonicalPath = path
    .split('/')
    .map((segment) => uriEncode(decodeURIComponent(segment)))
    .join('/');
  return [message.method, canonicalPath, canonicalQuery(query), headers.join(''), signedHeaders, payloadHash].join(
    '\n',
  );
}

function canonicalQuery(query: string): string {
  return query
    .split('&')
    .filter((pair) => pair !== '' && !pair.startsWith('X-Amz-Signature='))
    .map((pair) => {
      const at = pair.indexOf('=');
      return at < 0 ? [reencode(pair), ''] : [reencode(pair.slice(0, at)), reencode(pair.slice(at + 1))];
    })
    .sort(([nameA = '', valueA = ''], [nameB = '', valueB = '']) =>
      nameA < nameB ? -1 : nameA > nameB ? 1 : valueA < valueB ? -1 : valueA > valueB ? 1 : 0,
    )
    .map((pair) => pair.join('='))
    .join('&');
}

/** However the client encoded a piece of the query, to the one form that is signed. */
function reencode(text: string): string {
  return uriEncode(decodeURIComponent(text.replaceAll('+', '%20')));
}

/** Everything but the unreserved characters of RFC 3986 as `%XX`. */
export function uriEncode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function signingKey(secret: string, day: string, region: string, service: string): Buffer {
  return [day, region, service, 'aws4_request'].reduce<Buffer>(
    (key, text) => hmac(key, text),
    Buffer.from(`AWS4${secret}`),
  );
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/**
 * The signatures of one request: the seed in its head, then each chunk's, and the trailer's, over the one before.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
 */
export class SignatureChain {
  readonly #key: Buffer;
  readonly #date: string;
  readonly #scope: string;
  #previous: string;

  constructor(key: Buffer, date: string, scope: string, seed: string) {
    this.#key = key;
    this.#date = date;
    this.#scope = scope;
    this.#previous = seed;
  }

  checkSeed(canonicalRequest: string): void {
    this.#check(this.#previous, [ALGORITHM, this.#date, this.#scope, sha256(canonicalRequest)], canonicalRequest);
  }

  /** @param chunkSha256 of the chunk's data, in hexadecimal */
  checkChunk(signature: string, chunkSha256: string): void {
    const text = [`${ALGORITHM}-PAYLOAD`, this.#date, this.#scope, this.#previous, EMPTY_SHA256, chunkSha256];
    this.#check(signature, text);
    this.#previous = signature;
  }

  /** @param trailer the lines `name:value\n` */
  checkTrailer(signature: string, trailer: string): void {
    this.#check(signature, [`${ALGORITHM}-TRAILER`, this.#date, this.#scope, this.#previous, sha256(trailer)]);
  }

  #check(signature: string, lines: readonly string[], canonicalRequest = ''): void {
    const text = lines.join('\n');
    const wanted = hmac(this.#key, text);
    const given = Buffer.from(signature, 'hex');
    if (given.length === wanted.length && timingSafeEqual(given, wanted)) return;
    throw new S3Error(
      'SignatureDoesNotMatch',
      'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
      { details: { StringToSign: text, ...(canonicalRequest === '' ? {} : { CanonicalRequest: canonicalRequest }) } },
    );
  }
}
