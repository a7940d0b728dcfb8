import { S3Client } from '@aws-sdk/client-s3';
import { type ClientOptions, clientConfig } from './clients.ts';

/**
 * A client for S3, or for whatever `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL` names: then with the bucket in the path.
 * It computes no checksums: we send a CRC-32 with every part, where the SDK would hash each part twice.
 */
export function s3Client(options: ClientOptions = {}): S3Client {
  const endpoint = options.endpoint ?? process.env.AWS_ENDPOINT_URL_S3 ?? process.env.AWS_ENDPOINT_URL;
  const client = new S3Client({
    ...clientConfig(options),
    forcePathStyle: endpoint !== undefined,
    followRegionRedirects: endpoint === undefined,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // Else the SDK opens a new connection for every part.
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
