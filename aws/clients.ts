/** What a client is told beyond the SDK's own chain of environment, files and roles; all of it is for exceptions. */
export interface ClientOptions {
  readonly region?: string;
  /** Instead of `AWS_ENDPOINT_URL_<SERVICE>` or `AWS_ENDPOINT_URL`. */
  readonly endpoint?: string;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Until an answer begins. */
  readonly answerTimeoutMs?: number;
  readonly maxAttempts?: number;
}

/** Until a connection stands: three round trips with TLS, and a lost packet. */
export const CONNECT_TIMEOUT_MS = 3_000;
/** Until an answer begins. Calls that send or copy much set their own. */
export const ANSWER_TIMEOUT_MS = 5_000;
/** Without a byte on the socket in either direction. S3 may be silent for long while it copies a part of 5 GiB. */
const IDLE_TIMEOUT_MS = 120_000;
const MAX_ATTEMPTS = 3;
/** More than all parts and ranges under way at once. */
const MAX_SOCKETS = 128;

/** The constructor arguments that all clients share. */
export function clientConfig(options: ClientOptions = {}) {
  const { answerTimeoutMs = ANSWER_TIMEOUT_MS, maxAttempts = MAX_ATTEMPTS, ...rest } = options;
  return {
    ...rest,
    maxAttempts,
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: answerTimeoutMs,
      throwOnRequestTimeout: true,
      socketTimeout: Math.max(IDLE_TIMEOUT_MS, answerTimeoutMs),
      httpAgent: { maxSockets: MAX_SOCKETS },
      httpsAgent: { maxSockets: MAX_SOCKETS },
    },
  };
}
