import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { ANSWER_TIMEOUT_MS, type ClientOptions, CONNECT_TIMEOUT_MS, clientConfig } from './clients.ts';
import { WireHandler } from './transfer/wire-handler.ts';

/** An answer that brings nothing for so long is asked for again. */
const STALL_MS = 10_000;

export interface S3ClientOptions extends ClientOptions {
  /** Without a byte of an answer's body. */
  readonly stallMs?: number;
}

/**
 * A client for S3, or for whatever `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL` names: then with the bucket in the path.
 * It computes no checksums: we send a CRC-32 with every part, where the SDK would hash each part twice.
 */
export function s3Client(options: S3ClientOptions = {}): S3Client {
  const { stallMs = STALL_MS, ...rest } = options;
  const endpoint = options.endpoint ?? process.env.AWS_ENDPOINT_URL_S3 ?? process.env.AWS_ENDPOINT_URL;
  const wire = new WireHandler({
    connectMs: CONNECT_TIMEOUT_MS,
    answerMs: options.answerTimeoutMs ?? ANSWER_TIMEOUT_MS,
    stallMs,
  });
  const client = new S3Client({
    ...clientConfig(rest),
    // Its declaration and ours differ in what else the SDK's own requests have.
    requestHandler: wire as unknown as NonNullable<S3ClientConfig['requestHandler']>,
    forcePathStyle: endpoint !== undefined,
    followRegionRedirects: endpoint === undefined,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    expectContinueHeader: false,
  });
  leavePayloadUnsigned(client);
  return client;
}

/** Over TLS, a body that brings a CRC-32 needs no SHA-256 in its signature as well. */
function leavePayloadUnsigned(client: S3Client): void {
  client.middlewareStack.add(
    (next) => (args) => {
      const { protocol, headers } = args.request as { protocol: string; headers: Record<string, string> };
      if (protocol === 'https:' && headers['x-amz-checksum-crc32'] !== undefined) {
        headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD';
      }
      return next(args);
    },
    { step: 'build', name: 'leavePayloadUnsigned' },
  );
}
