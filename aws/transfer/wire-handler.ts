import { Readable } from 'node:stream';
import { BrokenBody, type Landing } from './landing.ts';
import { Pool } from './pool.ts';
import { type SignedRequest, wireRequest } from './wire-request.ts';

export interface WireTimeouts {
  /** Until a connection stands. */
  readonly connectMs: number;
  /** Without a byte in either direction, until an answer begins. Calls that copy much set their own. */
  readonly answerMs: number;
  /** Without a byte of an answer's body. */
  readonly stallMs: number;
}

/** What a call may add to the SDK's own options of `send`. */
export interface WireOptions {
  readonly abortSignal?: AbortSignal;
  /** Instead of `answerMs`. */
  readonly requestTimeout?: number;
  /** For the body of a good answer, which the SDK then sees as empty. */
  readonly landing?: Landing;
  /** Told when the service asks for fewer requests, or does not answer in time. */
  readonly onPressure?: () => void;
}

/** In the SDK's form. */
export interface WireAnswer {
  readonly statusCode: number;
  readonly reason: string;
  /** Names in lower case. */
  readonly headers: Record<string, string>;
  readonly body: Readable;
}

/**
 * The SDK's way to S3: it writes, signs, repeats and understands requests; we move their bytes. Bodies of requests are
 * bytes at hand, those of answers land where the caller wants them or are short documents.
 */
export class WireHandler {
  readonly metadata = { handlerProtocol: 'http/1.1' };
  readonly #timeouts: WireTimeouts;
  readonly #pools = new Map<string, Pool>();

  constructor(timeouts: WireTimeouts) {
    this.#timeouts = timeouts;
  }

  async handle(request: SignedRequest, options: WireOptions = {}): Promise<{ response: WireAnswer }> {
    const { abortSignal: signal, requestTimeout: answerMs = this.#timeouts.answerMs, landing, onPressure } = options;
    const stallMs = landing === undefined ? Math.max(this.#timeouts.stallMs, answerMs) : this.#timeouts.stallMs;
    try {
      const exchange = this.#poolOf(request).exchange(wireRequest(request), { answerMs, stallMs, signal, landing });
      const { status, reason, headers, document } = await exchange;
      if (status === 503 || status === 429) onPressure?.();
      return { response: { statusCode: status, reason, headers: { ...headers }, body: Readable.from([document]) } };
    } catch (error) {
      if (error instanceof BrokenBody ? error.isSilent : (error as Error).name === 'TimeoutError') onPressure?.();
      throw error;
    }
  }

  destroy(): void {
    for (const pool of this.#pools.values()) pool.close();
    this.#pools.clear();
  }

  /** The SDK's hooks for settings of its own handlers. */
  updateHttpClientConfig(): void {}
  httpHandlerConfigs(): WireTimeouts {
    return this.#timeouts;
  }

  #poolOf({ protocol, hostname, port }: SignedRequest): Pool {
    const secure = protocol === 'https:';
    const host = hostname.replace(/^\[(.*)\]$/, '$1');
    const origin = { secure, host, port: port ?? (secure ? 443 : 80) };
    const name = JSON.stringify(origin);
    let pool = this.#pools.get(name);
    if (pool === undefined) {
      pool = new Pool(origin, this.#timeouts.connectMs);
      this.#pools.set(name, pool);
    }
    return pool;
  }
}
