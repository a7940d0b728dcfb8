import { PodfreightError } from '../../core/errors.ts';

/** How the body of an answer ends. */
export type Framing = { readonly kind: 'length'; readonly bytes: number } | { readonly kind: 'chunked' };

export interface AnswerHead {
  readonly status: number;
  readonly reason: string;
  /** Names in lower case; values that came twice are joined by commas. */
  readonly headers: Readonly<Record<string, string>>;
  readonly framing: Framing;
  /** Whether another request may follow on the same connection. */
  readonly keepAlive: boolean;
}

/** S3's are below 8 KiB, 2 KiB of user metadata among them. */
export const MAX_HEAD_BYTES = 64 * 1024;

const STATUS_LINE = /^HTTP\/1\.([01]) (\d{3})(?: ([\t\x20-\x7e\x80-\xff]*))?$/;
const HEADER_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[\t ]*([\t\x20-\x7e\x80-\xff]*?)[\t ]*$/;
const NO_BODY: Framing = { kind: 'length', bytes: 0 };

/**
 * The head of an answer, without the empty line at its end. Strict: what could be read in two ways is refused.
 * @param method of the request: an answer to a HEAD has no body
 * @throws PodfreightError `service`
 * @see RFC 9112 sections 4 to 6
 */
export function parseAnswerHead(text: string, method: string): AnswerHead {
  const [statusLine = '', ...lines] = text.split('\r\n');
  const [, minor, digits, reason = ''] = STATUS_LINE.exec(statusLine) ?? [];
  if (digits === undefined) throw malformed('does not begin like one');
  const headers: Record<string, string> = Object.create(null);
  for (const line of lines) {
    const [, name, value] = HEADER_LINE.exec(line) ?? [];
    if (name === undefined || value === undefined) throw malformed('has a header that is none');
    const lower = name.toLowerCase();
    headers[lower] = headers[lower] === undefined ? value : `${headers[lower]}, ${value}`;
  }
  const status = Number(digits);
  const framing = method === 'HEAD' || status === 204 || status === 304 ? NO_BODY : framingOf(headers, status);
  const options = (headers.connection ?? '').toLowerCase().split(/[\t ]*,[\t ]*/);
  const keepAlive = minor === '1' ? !options.includes('close') : options.includes('keep-alive');
  return { status, reason, headers: { ...headers }, framing, keepAlive };
}

function framingOf(headers: Readonly<Record<string, string>>, status: number): Framing {
  const { 'content-length': length, 'transfer-encoding': encoding } = headers;
  if (status < 200) return NO_BODY;
  if (encoding !== undefined) {
    if (length !== undefined) throw malformed('gives its length in two ways');
    if (encoding.toLowerCase() !== 'chunked') throw malformed(`is encoded as ${JSON.stringify(encoding)}`);
    return { kind: 'chunked' };
  }
  // An answer that just ends with its connection cannot be told from one that was cut off.
  if (length === undefined) throw malformed('does not say how long it is');
  if (!/^\d{1,15}$/.test(length)) throw malformed(`has the length ${JSON.stringify(length)}`);
  return { kind: 'length', bytes: Number(length) };
}

/** An answer that no server of S3 gives; asking again would not help. */
export function malformed(how: string): PodfreightError {
  return new PodfreightError(
    'service',
    `The endpoint's HTTP answer ${how}; check AWS_ENDPOINT_URL and what stands between here and there.`,
  );
}
