import { type Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { type Conditions, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import {
  Architecture,
  Code,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
  Tracing,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { bundleFunction, type FunctionName, HANDLER } from './bundle-functions.ts';
import { type Deployment, functionName } from './places.ts';
import { PodfreightRole, type Subject } from './role.ts';

export interface FunctionProps {
  readonly name: FunctionName;
  readonly description: string;
  readonly timeout: Duration;
  readonly memoryMiB: number;
  /** Encrypts its logs. */
  readonly key: IKey;
  /** Reserved; undefined where something else bounds how often it runs at once, which `unbounded` then says. */
  readonly concurrency?: number;
  /** Why nothing is reserved. */
  readonly unbounded?: string;
}

/**
 * One of our functions with its log group and a role of its own. The role starts with nothing but writing its logs and
 * traces; what else it may do is in `access.ts`.
 */
export class PodfreightFunction extends Construct implements Subject {
  readonly function: LambdaFunction;
  readonly role: PodfreightRole;

  constructor(scope: Construct, id: string, deployment: Deployment, props: FunctionProps) {
    super(scope, id);
    const logGroup = new LogGroup(this, 'Logs', {
      retention: deployment.config.logRetentionDays as RetentionDays,
      encryptionKey: props.key,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.role = new PodfreightRole(this, 'Role', {
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      description: `podfreight: what the function ${props.name} may do`,
    });
    this.function = new LambdaFunction(this, 'Function', {
      functionName: functionName(props.name, deployment),
      description: props.description,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      code: Code.fromAsset(bundleFunction(props.name)),
      handler: HANDLER,
      role: this.role,
      logGroup,
      loggingFormat: LoggingFormat.JSON,
      timeout: props.timeout,
      memorySize: props.memoryMiB,
      // Allows the role to send traces, which has no resource to name.
      tracing: Tracing.ACTIVE,
      environment: { POWERTOOLS_SERVICE_NAME: props.name, POWERTOOLS_METRICS_NAMESPACE: deployment.config.stackName },
      ...(props.concurrency !== undefined && { reservedConcurrentExecutions: props.concurrency }),
    });
    this.role.needsWildcard('*', 'X-Ray takes traces without naming a resource; nothing else is allowed on it.');
    this.allow(['logs:CreateLogStream', 'logs:PutLogEvents'], [logGroup.logGroupArn]);
    this.#answerFor(props);
  }

  allow(actions: readonly string[], resources: readonly string[], conditions?: Conditions): void {
    this.role.allow(actions, resources, conditions);
  }

  needsWildcard(resource: string, reason: string): void {
    this.role.needsWildcard(resource, reason);
  }

  tell(variable: string, value: string): void {
    this.function.addEnvironment(variable, value);
  }

  #answerFor({ unbounded }: FunctionProps): void {
    const acknowledge = (id: string, reason: string) => Validations.of(this.function).acknowledge({ id, reason });
    acknowledge(
      'NIST.800.53.R5-LambdaInsideVPC',
      'It talks to S3, DynamoDB and X-Ray only, over TLS and by its own role; a network of ours would add nothing but its cost.',
    );
    for (const pack of ['NIST.800.53.R5', 'Serverless']) {
      acknowledge(
        `${pack}-LambdaDLQ`,
        'What is lost of an invocation is asked for again: by the queue, which has dead letters, a caller who waits, or the clock.',
      );
    }
    if (unbounded !== undefined) acknowledge('NIST.800.53.R5-LambdaConcurrency', unbounded);
  }
}
