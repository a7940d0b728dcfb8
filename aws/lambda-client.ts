import { LambdaClient } from '@aws-sdk/client-lambda';
import { type ClientOptions, clientConfig } from './clients.ts';

/** A function may work for 15 minutes before it answers. */
const FUNCTION_TIMEOUT_MS = 15 * 60_000 + 10_000;

export function lambdaClient(options: ClientOptions = {}): LambdaClient {
  return new LambdaClient(clientConfig({ answerTimeoutMs: FUNCTION_TIMEOUT_MS, ...options }));
}
