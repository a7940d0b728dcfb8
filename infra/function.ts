import { type Duration, RemovalPolicy, type Size } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Code, Function as LambdaFunction, LoggingFormat, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { bundleFunction, type FunctionName, HANDLER } from './bundle-functions.ts';

export interface FunctionProps {
  readonly name: FunctionName;
  readonly description: string;
  readonly timeout: Duration;
  readonly memory: Size;
  readonly logRetentionDays: number;
  readonly concurrency?: number;
}

/**
 * One of our functions with its log group and a role of its own. The role starts with nothing but writing its logs;
 * what else it may do is in `access.ts`.
 */
export class PodfreightFunction extends Construct {
  readonly function: LambdaFunction;

  constructor(scope: Construct, id: string, props: FunctionProps) {
    super(scope, id);
    const logGroup = new LogGroup(this, 'Logs', {
      retention: props.logRetentionDays as RetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.function = new LambdaFunction(this, 'Function', {
      description: props.description,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      code: Code.fromAsset(bundleFunction(props.name)),
      handler: HANDLER,
      role: new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') }),
      logGroup,
      loggingFormat: LoggingFormat.JSON,
      timeout: props.timeout,
      memorySize: props.memory.toMebibytes(),
      environment: { POWERTOOLS_SERVICE_NAME: props.name, POWERTOOLS_METRICS_NAMESPACE: 'podfreight' },
      ...(props.concurrency !== undefined && { reservedConcurrentExecutions: props.concurrency }),
    });
    this.allow(['logs:CreateLogStream', 'logs:PutLogEvents'], logGroup.logGroupArn);
  }

  /** Lets the function do `actions` on `resource`; `access.ts` is where this is called from. */
  allow(actions: readonly string[], resource: string): void {
    this.function.addToRolePolicy(new PolicyStatement({ actions: [...actions], resources: [resource] }));
  }
}
