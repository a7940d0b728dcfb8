/** A request as it goes over the wire. */
export interface WireRequest {
  readonly method: string;
  /** Path and query, encoded. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** The SDK's form of a request, signed: what of it matters here. */
export interface SignedRequest {
  readonly method: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number | undefined;
  /** Encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | string[] | null>> | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

const NOTHING = Buffer.alloc(0);
const METHODS_WITH_BODY = new Set(['PUT', 'POST']);
const METHOD = /^[A-Z]+$/;
const TARGET = /^[\x21-\x7e]+$/;
const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** @throws TypeError for a body that is a stream: it could be sent only once */
export function wireRequest(request: SignedRequest): WireRequest {
  const query = encodeQuery(request.query ?? {});
  const body = bytesOf(request.body);
  const headers: Record<string, string> = { ...request.headers };
  const names = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
  if (!names.has('host')) headers.host = request.hostname + (request.port === undefined ? '' : `:${request.port}`);
  if (!names.has('content-length') && (body.length > 0 || METHODS_WITH_BODY.has(request.method))) {
    headers['content-length'] = String(body.length);
  }
  return { method: request.method, target: request.path + (query && `?${query}`), headers, body };
}

/**
 * Request line, headers and the empty line, in Latin-1.
 * @throws TypeError for what would not be one line each
 */
export function encodeHead({ method, target, headers }: WireRequest): string {
  if (!METHOD.test(method) || !TARGET.test(target)) throw new TypeError('a request line has a forbidden character');
  let head = `${method} ${target} HTTP/1.1\r\n`;
  for (const [name, value] of Object.entries(headers)) {
    if (!HEADER_NAME.test(name) || !HEADER_VALUE.test(value)) {
      throw new TypeError(`header ${JSON.stringify(name)} has a forbidden character`);
    }
    head += `${name}: ${value}\r\n`;
  }
  return `${head}\r\n`;
}

/** In the one form that is signed: sorted, and everything but RFC 3986's unreserved characters as `%XX`. */
function encodeQuery(query: NonNullable<SignedRequest['query']>): string {
  return Object.keys(query)
    .sort()
    .flatMap((name) => {
      const values = [query[name] ?? null].flat();
      return values.map((value) => encode(name) + (value === null ? '' : `=${encode(value)}`));
    })
    .join('&');
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function bytesOf(body: unknown): Buffer {
  if (body === undefined || body === null) return NOTHING;
  if (typeof body === 'string') return Buffer.from(body);
  if (body instanceof Uint8Array) return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  throw new TypeError('a body is neither bytes nor text');
}
