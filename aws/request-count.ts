import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { S3Client } from '@aws-sdk/client-s3';

/**
 * Counts what a client sends from now on, each attempt of a request by itself.
 * @returns how many so far
 */
export function countRequests(client: S3Client | DynamoDBClient): () => number {
  let count = 0;
  // The two differ only in the commands they know. Behind the middleware that retries, which has high priority there.
  (client as S3Client).middlewareStack.add(
    (next) => (args) => {
      count += 1;
      return next(args);
    },
    { step: 'finalizeRequest', priority: 'low', name: 'countRequests' },
  );
  return () => count;
}
