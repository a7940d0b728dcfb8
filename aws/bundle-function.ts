import { InvokeCommand } from '@aws-sdk/client-lambda';
import type { BundleRequest, BundleResult } from '../core/bundle/request.ts';
import { PodfreightError } from '../core/errors.ts';
import { errorFromRemote } from '../core/remote-error.ts';

import { awsError } from './errors.ts';
import { lambdaClient } from './lambda-client.ts';

/**
 * Asks the deployed bundle function for a bundle and waits for it, up to Lambda's 15 minutes.
 * @param signal stops the waiting; the function goes on
 * @throws PodfreightError what the function threw, and `not-found` when there is no such function, `no-credentials`,
 * `access-denied`, `unreachable`, `service`
 */
export async function requestBundle(
  functionName: string,
  request: BundleRequest,
  signal?: AbortSignal,
): Promise<BundleResult> {
  const what = `function ${functionName}`;
  const answer = await lambdaClient()
    .send(new InvokeCommand({ FunctionName: functionName, Payload: Buffer.from(JSON.stringify(request)) }), {
      ...(signal && { abortSignal: signal }),
    })
    .catch((error) => {
      throw awsError(error, what);
    });
  const payload = Buffer.from(answer.Payload ?? []).toString();
  let value: unknown;
  try {
    value = JSON.parse(payload);
  } catch (cause) {
    throw new PodfreightError('service', `The ${what} answered with something that is not JSON; see its log.`, {
      cause,
    });
  }
  if (answer.FunctionError !== undefined) throw errorFromRemote(value, what);
  return value as BundleResult;
}
