import type { S3Client } from '@aws-sdk/client-s3';
import type { WireAnswer, WireOptions } from './transfer/wire-handler.ts';
import type { SignedRequest } from './transfer/wire-request.ts';

/** What is different in a request from the one that it is made from. */
export interface RequestChanges {
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

/** What signing puts into a request, and what is each attempt's own. */
const ONE_TIME = new Set([
  'amz-sdk-invocation-id',
  'amz-sdk-request',
  'authorization',
  'content-length',
  'x-amz-date',
  'x-amz-security-token',
]);
const PAYLOAD = 'x-amz-content-sha256';
const UNSIGNED = 'UNSIGNED-PAYLOAD';
const SERVICE = 's3';
/** So many in a row, and this endpoint is not one for copies. */
const REFUSALS_MOST = 3;
/** Buckets of other kinds are signed for in other ways. */
const SCOPE = /^AWS4-HMAC-SHA256 Credential=[^/]+\/\d{8}\/(?<region>[^/]+)\/s3\/aws4_request,/;

type Signable = Parameters<Awaited<Model['signer']>['sign']>[0];

interface Model {
  readonly request: Omit<SignedRequest, 'body'>;
  readonly signer: ReturnType<S3Client['config']['signer']>;
  /** Of its own signature. A signer keeps to that of the client's first request, which S3 may have sent on to another. */
  readonly signingRegion: string;
}

/**
 * Many requests that differ in little. The SDK makes the first ones; the others are copied from one of those that went
 * well, signed by the SDK's own signer and sent by its handler. That takes 0.13 ms of a processor for each, where all of
 * the SDK takes 0.7 ms. What does not go well like this is the SDK's to do: it knows how to go on, or what to say.
 */
export class RequestTemplate {
  readonly #client: S3Client;
  #model: Model | undefined;
  #refusals = 0;

  constructor(client: S3Client) {
    this.#client = client;
  }

  /** @param command is about to be sent: when that goes well, others are made from it */
  learnFrom(command: { readonly middlewareStack: unknown }): void {
    // Each command's stack has types of its own for the same thing.
    (command as Pick<S3Client, 'middlewareStack'>).middlewareStack.add(
      (next) => async (args) => {
        const answered = await next(args);
        this.#learn(args.request as SignedRequest);
        return answered;
      },
      { step: 'finalizeRequest', priority: 'low', name: 'learnRequest' },
    );
  }

  /**
   * @returns the answer, of status 200 or 206; undefined when there was none, or there is nothing yet to make a request from
   * @throws `BrokenBody` and `AbortError`, as the handler
   */
  async send(changes: RequestChanges, options: WireOptions): Promise<WireAnswer | undefined> {
    if (this.#model === undefined || this.#refusals >= REFUSALS_MOST) return undefined;
    const { requestHandler } = this.#client.config;
    try {
      const request = await this.#signed(this.#model, changes);
      const { response } = (await requestHandler.handle(request, options)) as { response: WireAnswer };
      const { statusCode } = response;
      const isGood = statusCode === 200 || statusCode === 206;
      if (isGood) this.#refusals = 0;
      else if (statusCode < 500 && statusCode !== 429) this.#refusals += 1;
      return isGood ? response : undefined;
    } catch (error) {
      if (['BrokenBody', 'AbortError'].includes((error as Error).name)) throw error;
      return undefined;
    }
  }

  #learn({ body: _, ...request }: SignedRequest): void {
    const signingRegion = SCOPE.exec(request.headers.authorization ?? '')?.groups?.region;
    if (signingRegion === undefined) return;
    const scheme = { name: 'sigv4', signingName: SERVICE, signingRegion, properties: {} };
    // It fills in the rest, though its declaration wants all.
    const signer = this.#client.config.signer(scheme as Parameters<S3Client['config']['signer']>[0]);
    this.#model = { request, signer, signingRegion };
  }

  async #signed({ request, signer, signingRegion }: Model, changes: RequestChanges): Promise<SignedRequest> {
    const kept = Object.entries(request.headers).filter(
      ([name, value]) => !ONE_TIME.has(name) && (name !== PAYLOAD || changes.body === undefined || value === UNSIGNED),
    );
    const like = {
      ...request,
      headers: { ...Object.fromEntries(kept), ...changes.headers },
      query: { ...request.query, ...changes.query },
      ...(changes.body && { body: changes.body }),
    };
    const signingDate = new Date(Date.now() + this.#client.config.systemClockOffset);
    const scope = { signingDate, signingRegion, signingService: SERVICE };
    return (await (await signer).sign(like as Signable, scope)) as SignedRequest;
  }
}
