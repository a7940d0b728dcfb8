import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Match } from 'aws-cdk-lib/assertions';
import { synthesis } from './synthesis.ts';

const { stacks, templates } = synthesis({
  regions: ['us-east-1', 'eu-central-1', 'ap-southeast-2'],
  primaryRegion: 'eu-central-1',
});
const [primary, ...others] = templates;

test('there is a stack of the same name in each region, and the primary one comes first', () => {
  assert.deepEqual(
    stacks.map(({ region, stackName, artifactId, dependencies }) => [
      region,
      stackName,
      artifactId,
      dependencies.map((stack) => stack.region),
    ]),
    [
      ['eu-central-1', 'podfreight', 'podfreight', []],
      ['us-east-1', 'podfreight', 'podfreight-us-east-1', ['eu-central-1']],
      ['ap-southeast-2', 'podfreight', 'podfreight-ap-southeast-2', ['eu-central-1']],
    ],
  );
});

test('one table, in the primary region, has a protected replica in every other', () => {
  const kept = {
    DeletionProtectionEnabled: true,
    PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
  };
  const replica = (Region: string) => Match.objectLike({ Region, ...kept });
  primary?.hasResourceProperties('AWS::DynamoDB::GlobalTable', {
    TableName: 'podfreight',
    Replicas: ['us-east-1', 'ap-southeast-2', 'eu-central-1'].map(replica),
  });
  for (const other of others) other.resourceCountIs('AWS::DynamoDB::GlobalTable', 0);
});

test('roles of nodes and people are in the primary region’s stack alone', () => {
  const roles = (index: number) => Object.keys(templates[index]?.findResources('AWS::IAM::Role') ?? {}).length;
  assert.equal(roles(0) - roles(1), 4);
  assert.equal(roles(1), roles(2));
});

test('every region has its own buckets, key, queue and functions', () => {
  for (const template of templates) {
    template.resourceCountIs('AWS::S3::Bucket', 3);
    template.resourceCountIs('AWS::KMS::Key', 1);
    template.resourceCountIs('AWS::SQS::Queue', 2);
    assert.deepEqual(
      Object.values(template.findResources('AWS::Lambda::Function'))
        .map(({ Properties }) => Properties.FunctionName)
        .sort(),
      ['podfreight-catalogue', 'podfreight-create-bundle', 'podfreight-reconcile', 'podfreight-retention'],
    );
  }
});

test('functions and outputs know where every region’s objects are', () => {
  const account = '111122223333';
  const resolved = (value: { 'Fn::Join': [string, (string | object)[]] }) =>
    JSON.parse(value['Fn::Join'][1].map((piece) => (typeof piece === 'string' ? piece : account)).join(''));
  const expected = Object.fromEntries(
    ['eu-central-1', 'us-east-1', 'ap-southeast-2'].map((region) => [
      region,
      {
        archivesBucket: `podfreight-archives-${account}-${region}`,
        bundlesBucket: `podfreight-bundles-${account}-${region}`,
      },
    ]),
  );
  for (const template of templates) {
    assert.deepEqual(resolved(template.findOutputs('Regions').Regions?.Value), expected);
    for (const { Properties } of Object.values(template.findResources('AWS::Lambda::Function'))) {
      assert.deepEqual(resolved(Properties.Environment.Variables.PODFREIGHT_REGIONS), expected);
      assert.equal(Properties.Environment.Variables.PODFREIGHT_TABLE, 'podfreight');
    }
  }
});

test('the policies of eight regions with the longest name are as long as IAM takes', () => {
  const regions = [
    'eu-central-1',
    'ap-southeast-1',
    'ap-southeast-2',
    'ap-northeast-1',
    'ap-northeast-2',
    'ap-northeast-3',
  ];
  const eight = synthesis({
    regions: [...regions, 'ap-southeast-3', 'ap-southeast-4'],
    stackName: 'x'.repeat(22),
    objectLock: true,
  });
  for (const [id, { Properties }] of Object.entries(
    eight.templates[0]?.findResources('AWS::IAM::ManagedPolicy') ?? {},
  )) {
    const { length } = JSON.stringify(filled(Properties.PolicyDocument)).replaceAll(/\s/g, '');
    assert.ok(length <= 6144, `${id}: ${length}`);
  }
});

/** With references replaced by texts of the length they have. */
function filled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(filled);
  if (typeof value !== 'object' || value === null) return value;
  const [[name, argument] = ['', '']] = Object.entries(value);
  if (name === 'Ref') return String(argument) === 'AWS::AccountId' ? '111122223333' : 'aws';
  if (name === 'Fn::GetAtt') return 'x'.repeat(120);
  if (name === 'Fn::Join') return (argument[1] as unknown[]).map(filled).join('');
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, filled(one)]));
}

test('a region that is added changes nothing that is there but the replicas and who may read where', () => {
  const before = synthesis({ regions: ['eu-central-1'] }).templates[0]?.toJSON().Resources;
  const after = primary?.toJSON().Resources;
  assert.deepEqual(Object.keys(before), Object.keys(after));
  const changed = Object.keys(before).filter((id) => JSON.stringify(before[id]) !== JSON.stringify(after[id]));
  assert.deepEqual([...new Set(changed.map((id) => before[id].Type))].sort(), [
    'AWS::DynamoDB::GlobalTable',
    'AWS::IAM::ManagedPolicy',
    'AWS::Lambda::Function',
  ]);
});
