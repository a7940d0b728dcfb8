import { Aws, RemovalPolicy, Tags } from 'aws-cdk-lib';
import { type Conditions, PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { KEY_TAG } from './access.ts';
import type { Deployment } from './places.ts';

/**
 * Encrypts the region's archives, bundles, logs and alarms. It outlives the stack, as what it encrypts does; who may use it
 * for objects, roles say (`usesKeys`).
 */
export function regionKey(scope: Construct, { config, here }: Deployment): Key {
  const key = new Key(scope, 'Key', {
    description: `podfreight: archives, bundles, logs and alarms of ${config.stackName}`,
    alias: config.stackName,
    enableKeyRotation: true,
    removalPolicy: RemovalPolicy.RETAIN,
  });
  Tags.of(key).add(KEY_TAG, config.stackName);
  const allow = (sid: string, service: string, conditions: Conditions) =>
    key.addToResourcePolicy(
      new PolicyStatement({
        sid,
        principals: [new ServicePrincipal(service)],
        actions: [
          'kms:Decrypt',
          'kms:GenerateDataKey*',
          ...(service.startsWith('logs') ? ['kms:Encrypt', 'kms:ReEncrypt*', 'kms:Describe*'] : []),
        ],
        resources: ['*'],
        conditions,
      }),
    );
  const logGroups = `arn:${Aws.PARTITION}:logs:${here.region}:${Aws.ACCOUNT_ID}:log-group:*`;
  allow('Logs', `logs.${here.region}.amazonaws.com`, { ArnLike: { 'kms:EncryptionContext:aws:logs:arn': logGroups } });
  allow('Alarms', 'cloudwatch.amazonaws.com', { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } });
  return key;
}
