import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Validations } from 'aws-cdk-lib';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { checks } from '../../infra/checks.ts';
import { synthesis } from './synthesis.ts';

// Two regions hold all that one holds, and replicas; every setting that adds something is on.
const { app, stacks } = synthesis({
  regions: ['eu-central-1', 'us-east-1'],
  objectLock: true,
  alarmEmail: 'ops@example.com',
  bundleConcurrency: 'unreserved',
});

const violations = () => checks(app).flatMap((pack) => stacks.flatMap((stack) => pack.validateScope(stack).violations));

test('cdk-nag’s packs AwsSolutions, Serverless and NIST 800-53 R5 find nothing that is not answered for', () => {
  assert.deepEqual(
    violations().map(({ ruleName, violatingResources }) => [ruleName, violatingResources]),
    [],
  );
});

/** All that they are told to accept. */
const ACCEPTED = [
  'AwsSolutions-IAM5',
  'NIST.800.53.R5-DynamoDBInBackupPlan',
  'NIST.800.53.R5-LambdaConcurrency',
  'NIST.800.53.R5-LambdaDLQ',
  'NIST.800.53.R5-LambdaInsideVPC',
  'NIST.800.53.R5-S3BucketReplicationEnabled',
  'NIST.800.53.R5-S3DefaultEncryptionKMS',
  'Serverless-EventBusDLQ',
  'Serverless-LambdaDLQ',
  'Serverless-LambdaEventSourceMappingDestination',
  'Serverless-SNSRedrivePolicy',
  'Serverless-SQSRedrivePolicy',
];

const accepted = stacks
  .flatMap((stack) => stack.node.findAll())
  .flatMap(({ node }) => node.metadata)
  .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
  .flatMap(({ data }) => Object.entries(data as Record<string, string>));

test('what they are told to accept is this and nothing else, each with a reason', () => {
  for (const [id, reason] of accepted) assert.ok(reason.length > 40, `${id}: ${reason}`);
  const rules = accepted.map(([id]) => id.replace(/\[.*/, '').replace(/^.*::/, ''));
  assert.deepEqual([...new Set(rules)].sort(), ACCEPTED);
});

test('a wildcard is accepted only in objects of our buckets, keys with our tag, stacks of our name, and traces', () => {
  const wildcards = accepted.map(([id]) => id).filter((id) => id.includes('IAM5'));
  const object = /::arn:<AWS::Partition>:s3:::podfreight-(archives|bundles)-<AWS::AccountId>-[a-z0-9-]+\/[^\]]*\*\]$/;
  const anyRegion =
    /::arn:<AWS::Partition>:(dynamodb:\*:<AWS::AccountId>:table\/podfreight(\/index\/\w+)?|lambda:\*:<AWS::AccountId>:function:podfreight-[\w-]+)\]$/;
  for (const id of wildcards) {
    assert.ok(
      anyRegion.test(id) ||
        object.test(id) ||
        /:key\/\*\]$/.test(id) ||
        /:stack\/podfreight\/\*\]$/.test(id) ||
        id.endsWith('IAM5[Resource::*]'),
      id,
    );
  }
});

test('they do find a bucket that takes requests in clear, is not encrypted by a key, and logs none', () => {
  const [stack] = stacks;
  new Bucket(stack ?? assert.fail(), 'Careless');
  const found = new Set(violations().map(({ ruleName }) => ruleName));
  for (const rule of ['AwsSolutions-S1', 'AwsSolutions-S10', 'NIST.800.53.R5-S3DefaultEncryptionKMS']) {
    assert.ok(found.has(rule), `${rule} is not among ${[...found]}`);
  }
});
