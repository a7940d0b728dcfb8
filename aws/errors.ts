import { type ErrorCode, type ErrorSubject, isPodfreightError, PodfreightError } from '../core/errors.ts';
import type { ObjectLocation } from '../core/ports.ts';

/** An error of the SDK, of a service's answer or of the network below; every field may be missing. */
interface Failure {
  readonly name?: string;
  readonly message?: string;
  /** `ECONNREFUSED` and the like. */
  readonly code?: string;
  readonly address?: string;
  readonly port?: number;
  readonly hostname?: string;
  readonly $metadata?: { readonly httpStatusCode?: number; readonly attempts?: number };
}

type Rule = readonly [code: ErrorCode, sentence: (what: string, failure: Failure) => string];

const MISSING: Rule = ['not-found', (what) => `${capitalised(what)} does not exist; check the name and the region.`];
const NO_BUCKET: Rule = ['not-found', (what) => `The bucket of ${what} does not exist; check its name and the region.`];
const DENIED: Rule = [
  'access-denied',
  (what, { message }) => `AWS refuses access to ${what}${quoted(message)}; check the permissions of your credentials.`,
];
const BAD_CREDENTIALS: Rule = [
  'access-denied',
  (what) => `AWS does not accept the credentials used for ${what}; check the access key and its secret.`,
];
const EXPIRED: Rule = ['no-credentials', (what) => `The AWS credentials used for ${what} have expired; renew them.`];
const NO_CREDENTIALS: Rule = [
  'no-credentials',
  (what) =>
    `No AWS credentials were found for ${what}; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.`,
];
const WRONG_CLOCK: Rule = [
  'access-denied',
  (what) => `AWS refuses access to ${what} because this machine's clock is wrong; set it.`,
];
const SILENT: Rule = [
  'unreachable',
  (what, failure) =>
    `The endpoint of ${what} does not answer (${silence(failure)}); check the region, AWS_ENDPOINT_URL and the network.`,
];
const BUSY: Rule = ['service', (what) => `AWS takes no more requests for ${what} just now; try again later.`];
const OTHER: Rule = [
  'service',
  (what, { name, message, $metadata }) =>
    `AWS failed on ${what} with ${[name, $metadata?.httpStatusCode].filter(Boolean).join(' ')}${quoted(message)}.`,
];

/** By the service's error code, which the SDK gives as the error's name. */
const BY_NAME = new Map<string, Rule>([
  ['InternalError', OTHER],
  ['NoSuchBucket', NO_BUCKET],
  ['NoSuchKey', MISSING],
  ['NoSuchVersion', MISSING],
  ['NotFound', MISSING],
  ['ResourceNotFoundException', MISSING],
  ['AccessDenied', DENIED],
  ['AccessDeniedException', DENIED],
  ['AllAccessDisabled', DENIED],
  ['Forbidden', DENIED],
  ['InvalidAccessKeyId', BAD_CREDENTIALS],
  ['InvalidClientTokenId', BAD_CREDENTIALS],
  ['InvalidSignatureException', BAD_CREDENTIALS],
  ['InvalidToken', BAD_CREDENTIALS],
  ['SignatureDoesNotMatch', BAD_CREDENTIALS],
  ['UnrecognizedClientException', BAD_CREDENTIALS],
  ['ExpiredToken', EXPIRED],
  ['ExpiredTokenException', EXPIRED],
  ['TokenRefreshRequired', EXPIRED],
  ['CredentialsProviderError', NO_CREDENTIALS],
  ['TokenProviderError', NO_CREDENTIALS],
  ['RequestTimeTooSkewed', WRONG_CLOCK],
  ['TimeoutError', SILENT],
  ['BrokenBody', SILENT],
  ['ProvisionedThroughputExceededException', BUSY],
  ['RequestLimitExceeded', BUSY],
  ['ServiceUnavailable', BUSY],
  ['SlowDown', BUSY],
  ['Throttling', BUSY],
  ['ThrottlingException', BUSY],
  ['TooManyRequestsException', BUSY],
]);

const NETWORK = new Set([
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
]);

/**
 * Any failure of an AWS call as one of ours; one of ours is returned as it is.
 * @param what the call was about, as in "table podfreight" or "s3://bucket/key"
 */
export function awsError(error: unknown, what: string, subject: ErrorSubject = {}): PodfreightError {
  if (isPodfreightError(error)) return error;
  const failure = asFailure(error);
  if (failure.name === 'AbortError') {
    return new PodfreightError('interrupted', `Interrupted while working on ${what}.`, { cause: error, subject });
  }
  if (failure.message === 'Region is missing') {
    return new PodfreightError('usage', `No AWS region is set for ${what}; set AWS_REGION.`, { cause: error, subject });
  }
  const [code, sentence] = ruleOf(failure);
  return new PodfreightError(code, sentence(what, failure), { cause: error, subject });
}

/**
 * As {@link awsError}. The subject of a missing bucket is that bucket, of anything else the object. Of a region that does
 * not answer its name is told, where it is known.
 */
export function s3Error(error: unknown, { bucket, key, region }: ObjectLocation): PodfreightError {
  const subject = isNamed(error, 'NoSuchBucket') ? { bucket } : { bucket, key };
  const where = region !== undefined && isSilent(error) ? ` in ${region}` : '';
  return awsError(error, `${s3Name({ bucket, key })}${where}`, subject);
}

export function s3Name({ bucket, key }: ObjectLocation): string {
  return `s3://${bucket}/${key}`;
}

export function isNamed(error: unknown, ...names: string[]): boolean {
  return names.includes(asFailure(error).name ?? '');
}

export function httpStatus(error: unknown): number | undefined {
  return asFailure(error).$metadata?.httpStatusCode;
}

/** How often the request was sent; the failed answer belongs to the last time. */
export function sendAttempts(error: unknown): number {
  return asFailure(error).$metadata?.attempts ?? 1;
}

export function isThrottled(error: unknown): boolean {
  return ruleOf(asFailure(error)) === BUSY;
}

/** The connection broke, or none could be made; not: nothing came in time. */
export function isCutOff(error: unknown): boolean {
  return NETWORK.has(asFailure(error).code ?? '');
}

/** No answer came, or not all of it. */
export function isSilent(error: unknown): boolean {
  return ruleOf(asFailure(error)) === SILENT;
}

/** Nobody can tell whether the request had its effect: no answer came, or one of a server in trouble. */
export function isUncertain(error: unknown): boolean {
  const failure = asFailure(error);
  return isSilent(error) || (failure.$metadata?.httpStatusCode ?? 0) >= 500;
}

function ruleOf(failure: Failure): Rule {
  const named = BY_NAME.get(failure.name ?? '');
  if (named !== undefined) return named;
  if (NETWORK.has(failure.code ?? '')) return SILENT;
  switch (failure.$metadata?.httpStatusCode) {
    case 403:
      return DENIED;
    case 404:
      return failure.name === 'NoSuchUpload' ? OTHER : MISSING;
    case 429:
    case 503:
      return BUSY;
    default:
      return OTHER;
  }
}

function asFailure(error: unknown): Failure {
  if (typeof error !== 'object' || error === null) return { message: String(error) };
  // A host with several addresses fails with one error for each.
  return error instanceof AggregateError && !('code' in error) ? asFailure(error.errors[0]) : (error as Failure);
}

const SILENCES: Readonly<Record<string, string>> = { TimeoutError: 'timed out', BrokenBody: 'the answer broke off' };

function silence({ name, code, address, port, hostname }: Failure): string {
  const where = address === undefined ? hostname : port === undefined ? address : `${address}:${port}`;
  return [code ?? (SILENCES[name ?? ''] || name), where].filter(Boolean).join(' ');
}

function quoted(message: string | undefined): string {
  const text = message?.replace(/\s+/g, ' ').replace(/[.\s]+$/, '');
  return text && text !== 'UnknownError' ? ` (${text})` : '';
}

function capitalised(what: string): string {
  return what.startsWith('s3://') ? what : `The ${what}`;
}
