import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import { PodfreightError } from '../../core/errors.ts';
import { orFileError } from '../file-error.ts';

/** A node that is gone does not refuse a connection: it says nothing. */
const CONNECT_TIMEOUT_MS = 10_000;

export interface EndpointOptions {
  /** `https://`, or `http://` for a proxy on this machine; its path comes before that of each request. */
  readonly url: URL;
  /** Read again for each request: the kubelet renews it while a command runs. */
  readonly tokenFile?: string | undefined;
  /** PEM certificates to trust instead of those of Node.js. */
  readonly caFile?: string | undefined;
  /** False: whoever answers is believed. */
  readonly verify: boolean;
}

export interface EndpointRequest {
  /** Completes "Cannot …" in messages. */
  readonly what: string;
  readonly method: 'GET' | 'POST';
  /** From the first `/` to the end of the query. */
  readonly path: string;
  /** For the whole answer, from now. */
  readonly timeoutSeconds: number;
  /** A longer answer is a failure. */
  readonly answerBytesMax: number;
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** One HTTP server, asked with a connection for each request: no redirects, no repeats, no answer without bounds. */
export class Endpoint {
  readonly #options: EndpointOptions;

  constructor(options: EndpointOptions) {
    this.#options = options;
  }

  /** `host:port`, for messages. */
  get host(): string {
    return this.#options.url.host;
  }

  /**
   * @throws PodfreightError `unreachable` when there is no answer, no trust or no time left; `service` for too long an
   *   answer; `usage` for a file that holds no token or no certificate; the signal's reason; as files fail
   */
  async request(request: EndpointRequest): Promise<Answer> {
    const { url, verify } = this.#options;
    const { what, method, path, timeoutSeconds, signal } = request;
    signal.throwIfAborted();
    const [headers, ca] = [await this.#headers(), await this.#ca()];
    const deadline = AbortSignal.timeout(timeoutSeconds * 1000);
    const options = {
      method,
      headers,
      agent: false,
      signal: AbortSignal.any([signal, deadline]),
      ...(url.protocol === 'https:' && { ca, rejectUnauthorized: verify }),
    } as const;
    try {
      const address = new URL(url.pathname.replace(/\/$/, '') + path, url);
      const response = await send(address, options);
      return { status: response.statusCode!, text: await this.#read(response, request) };
    } catch (error) {
      signal.throwIfAborted();
      if (deadline.aborted) throw this.#unreachable(what, `did not answer within ${timeoutSeconds} s`, error);
      if (error instanceof PodfreightError) throw error;
      const { code, message } = error as NodeJS.ErrnoException;
      const reason =
        REASONS[code ?? ''] ?? (isDistrust(code) ? `is not trusted: ${message.split(';')[0]}; ${TRUST_HINT}` : message);
      throw this.#unreachable(what, reason, error);
    }
  }

  async #headers(): Promise<http.OutgoingHttpHeaders> {
    const { tokenFile } = this.#options;
    if (tokenFile === undefined) return { accept: 'application/json' };
    const what = `Cannot read the token file ${tokenFile}`;
    const token = (await orFileError(what, () => readFile(tokenFile, 'latin1'))).trim();
    if (!/^[\x21-\x7e]+$/.test(token)) {
      throw new PodfreightError('usage', `${tokenFile} holds no token.`, { subject: { path: tokenFile } });
    }
    return { accept: 'application/json', authorization: `Bearer ${token}` };
  }

  async #ca(): Promise<string | undefined> {
    const { caFile } = this.#options;
    if (caFile === undefined) return undefined;
    const ca = await orFileError(`Cannot read the certificates ${caFile}`, () => readFile(caFile, 'latin1'));
    try {
      new X509Certificate(ca); // Node.js takes a file without certificates for one that trusts nobody
    } catch (cause) {
      throw new PodfreightError('usage', `${caFile} holds no PEM certificate.`, { cause, subject: { path: caFile } });
    }
    return ca;
  }

  async #read(response: http.IncomingMessage, { what, answerBytesMax }: EndpointRequest): Promise<string> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of response) {
      bytes += chunk.length;
      if (bytes > answerBytesMax) {
        const why = `the answer of ${this.host} is longer than ${answerBytesMax} bytes`;
        throw new PodfreightError('service', `Cannot ${what}: ${why}.`, { subject: { host: this.host } });
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString();
  }

  #unreachable(what: string, reason: string, cause: unknown): PodfreightError {
    const message = `Cannot ${what}: ${this.host} ${reason.replace(/\.$/, '')}.`;
    return new PodfreightError('unreachable', message, { cause, subject: { host: this.host } });
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refuses connections',
  ECONNRESET: 'closed the connection before it answered',
  EHOSTUNREACH: 'cannot be reached: no route to it',
  ENETUNREACH: 'cannot be reached: no route to it',
  ENOTFOUND: 'is no known host',
  EAI_AGAIN: 'is no host that the name server knows now',
  ETIMEDOUT: 'does not answer',
};

const TRUST_HINT = '--kubelet-ca or --ca-file names the certificates to trust';

/** OpenSSL's verdicts on certificates, and Node.js' own on names. */
function isDistrust(code: string | undefined): boolean {
  return /^(ERR_TLS_CERT|CERT_|CRL_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|HOSTNAME_MISMATCH|INVALID_)/.test(code ?? '');
}

/** Sends a request without a body, and resolves with the head of the answer. */
function send(url: URL, options: https.RequestOptions): Promise<http.IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
  const request = (url.protocol === 'https:' ? https : http).request(url, options, resolve);
  const tooLate = new Error('does not take connections');
  const timer = setTimeout(() => request.destroy(tooLate), CONNECT_TIMEOUT_MS);
  request.on('socket', (socket) => {
    socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', () => clearTimeout(timer));
  });
  request.on('close', () => clearTimeout(timer));
  request.on('error', reject);
  request.end();
  return promise;
}
