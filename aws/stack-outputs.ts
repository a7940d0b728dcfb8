import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { PodfreightError } from '../core/errors.ts';
import { type ClientOptions, clientConfig } from './clients.ts';
import { awsError, isNamed } from './errors.ts';

/**
 * What a deployed CloudFormation stack tells of itself, by the outputs' names.
 * @throws PodfreightError `not-found` when there is no such stack, `no-credentials`, `access-denied`, `unreachable`, `service`
 */
export async function stackOutputs(stackName: string, options: ClientOptions = {}): Promise<Map<string, string>> {
  const client = new CloudFormationClient(clientConfig(options));
  try {
    const { Stacks: [stack] = [] } = await client.send(new DescribeStacksCommand({ StackName: stackName }));
    return new Map((stack?.Outputs ?? []).map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]));
  } catch (error) {
    // Which is what CloudFormation calls it: it has no error of its own for a stack that is not there.
    if (isNamed(error, 'ValidationError') && /does not exist/.test((error as Error).message)) {
      throw new PodfreightError(
        'not-found',
        `The stack ${stackName} does not exist; check its name, AWS_REGION and the account.`,
        { cause: error, subject: { stack: stackName } },
      );
    }
    throw awsError(error, `stack ${stackName}`, { stack: stackName });
  } finally {
    client.destroy();
  }
}
