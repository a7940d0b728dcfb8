import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { S3Client } from '@aws-sdk/client-s3';

/**
 * Counts what a client sends from now on, each attempt of a request by itself.
 * @returns how many so far
 */
export function countRequests({ config }: S3Client | DynamoDBClient): () => number {
  let count = 0;
  const handler: { handle(...args: unknown[]): unknown } = config.requestHandler as never;
  const handle = handler.handle.bind(handler);
  handler.handle = (...args) => {
    count += 1;
    return handle(...args);
  };
  return () => count;
}
