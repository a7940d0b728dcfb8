import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Match } from 'aws-cdk-lib/assertions';
import { CATALOGUE_TABLE } from '../../core/catalogue/table.ts';
import { OPERATING_OUTPUTS, OUTPUTS, ROLE_OUTPUTS } from '../../infra/outputs.ts';
import { idOf, nameHere, synthesis } from './synthesis.ts';

const { templates } = synthesis();
const template = templates[0] ?? assert.fail('there is no stack');

const key = () => ({ 'Fn::GetAtt': [idOf(template, 'AWS::KMS::Key', 'Key'), 'Arn'] });
const bucket = (id: string) => template.findResources('AWS::S3::Bucket')[idOf(template, 'AWS::S3::Bucket', id)];

test('every bucket is private, owned by its account, versioned, and outlives the stack', () => {
  assert.equal(Object.keys(template.findResources('AWS::S3::Bucket')).length, 3);
  template.allResources('AWS::S3::Bucket', {
    DeletionPolicy: 'Retain',
    UpdateReplacePolicy: 'Retain',
    Properties: Match.objectLike({
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
      VersioningConfiguration: { Status: 'Enabled' },
    }),
  });
});

test('no bucket and no queue can be reached without TLS', () => {
  const refusal = Match.objectLike({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } });
  const withRefusal = { PolicyDocument: { Statement: Match.arrayWith([refusal]) } };
  template.resourcePropertiesCountIs('AWS::S3::BucketPolicy', withRefusal, 3);
  template.resourcePropertiesCountIs('AWS::SQS::QueuePolicy', withRefusal, 2);
});

test('one key, renewed every year, which outlives the stack and bears its name', () => {
  template.resourceCountIs('AWS::KMS::Key', 1);
  template.hasResource('AWS::KMS::Key', {
    DeletionPolicy: 'Retain',
    UpdateReplacePolicy: 'Retain',
    Properties: { EnableKeyRotation: true, Tags: [{ Key: 'podfreight', Value: 'podfreight' }] },
  });
  template.hasResourceProperties('AWS::KMS::Alias', { AliasName: 'alias/podfreight' });
});

for (const [id, what] of [
  ['Archives', 'archives'],
  ['Bundles', 'bundles'],
] as const) {
  test(`${id} has a name made of what it holds, the account and the region`, () => {
    assert.deepEqual(bucket(id)?.Properties.BucketName, nameHere(what));
  });

  test(`${id} is encrypted by the key, with one request to it for many objects`, () => {
    assert.deepEqual(bucket(id)?.Properties.BucketEncryption.ServerSideEncryptionConfiguration, [
      { BucketKeyEnabled: true, ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: key() } },
    ]);
  });

  test(`${id} forgets unfinished uploads after a week and what was deleted after a month, and logs who reads`, () => {
    const { LifecycleConfiguration, LoggingConfiguration } = bucket(id)?.Properties ?? {};
    const [abort, forget] = LifecycleConfiguration.Rules;
    assert.deepEqual(abort, {
      Id: 'abort-unfinished-uploads',
      Status: 'Enabled',
      AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 },
    });
    assert.deepEqual(forget, {
      Id: 'forget-deleted',
      Status: 'Enabled',
      NoncurrentVersionExpiration: { NoncurrentDays: 30 },
      ExpiredObjectDeleteMarker: true,
    });
    assert.deepEqual(LoggingConfiguration.DestinationBucketName, {
      Ref: idOf(template, 'AWS::S3::Bucket', 'AccessLogs'),
    });
  });

  test(`${id} refuses to overwrite, other encryption, other keys and keys of the sender`, () => {
    const policies = Object.values(template.findResources('AWS::S3::BucketPolicy'));
    const own = policies.find(({ Properties }) => Properties.Bucket.Ref === idOf(template, 'AWS::S3::Bucket', id));
    const refused = own?.Properties.PolicyDocument.Statement.filter(
      ({ Effect, Action }: { Effect: string; Action: unknown }) => Effect === 'Deny' && Action === 's3:PutObject',
    );
    const encryption = 's3:x-amz-server-side-encryption';
    assert.deepEqual(
      refused.map(({ Sid, Condition }: { Sid: string; Condition: object }) => [Sid, Condition]),
      [
        ['OverwriteNothing', { Null: { 's3:if-none-match': 'true' }, Bool: { 's3:ObjectCreationOperation': 'true' } }],
        ['NoOtherEncryption', { StringNotEquals: { [encryption]: 'aws:kms' }, Null: { [encryption]: 'false' } }],
        [
          'NoOtherKey',
          {
            ArnNotEquals: { [`${encryption}-aws-kms-key-id`]: key() },
            Null: { [`${encryption}-aws-kms-key-id`]: 'false' },
          },
        ],
        ['NoKeyOfTheSender', { Null: { [`${encryption}-customer-algorithm`]: 'false' } }],
      ],
    );
  });
}

test('what expires while it is there is what was rewritten for a bundle, and access logs; never an archive or a bundle', () => {
  const expiring = Object.values(template.findResources('AWS::S3::Bucket')).flatMap(({ Properties }) =>
    Properties.LifecycleConfiguration.Rules.filter((rule: object) => 'ExpirationInDays' in rule).map(
      (rule: { Id: string; Prefix?: string }) => `${rule.Id} ${rule.Prefix ?? '*'}`,
    ),
  );
  assert.deepEqual(expiring.sort(), ['expire *', 'expire-normalised normalised/']);
});

test('what comes to and goes from the archives, and nothing else, goes into the queue, or is put aside', () => {
  template.resourcePropertiesCountIs('AWS::Events::Rule', { EventPattern: Match.anyValue() }, 1);
  template.hasResourceProperties('AWS::Events::Rule', {
    EventPattern: {
      source: ['aws.s3'],
      'detail-type': ['Object Created', 'Object Deleted'],
      detail: { bucket: { name: [nameHere('archives')] } },
    },
    Targets: [
      Match.objectEquals({
        Id: Match.anyValue(),
        Arn: { 'Fn::GetAtt': [idOf(template, 'AWS::SQS::Queue', 'EventsQueue'), 'Arn'] },
        DeadLetterConfig: { Arn: { 'Fn::GetAtt': [idOf(template, 'AWS::SQS::Queue', 'EventsDeadLetters'), 'Arn'] } },
      }),
    ],
  });
  template.resourcePropertiesCountIs(
    'AWS::S3::Bucket',
    { NotificationConfiguration: { EventBridgeConfiguration: { EventBridgeEnabled: true } } },
    1,
  );
});

test('the queue waits six times the timeout of its function, and puts aside what fails twenty times', () => {
  template.allResourcesProperties('AWS::SQS::Queue', { SqsManagedSseEnabled: true, MessageRetentionPeriod: 1_209_600 });
  template.hasResourceProperties('AWS::SQS::Queue', {
    VisibilityTimeout: 360,
    RedrivePolicy: {
      maxReceiveCount: 20,
      deadLetterTargetArn: { 'Fn::GetAtt': [idOf(template, 'AWS::SQS::Queue', 'EventsDeadLetters'), 'Arn'] },
    },
  });
  template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
    FunctionName: { Ref: idOf(template, 'AWS::Lambda::Function', 'CatalogueFunction') },
    FunctionResponseTypes: ['ReportBatchItemFailures'],
    ScalingConfig: { MaximumConcurrency: 10 },
  });
  template.hasResourceProperties('AWS::Lambda::Function', {
    Timeout: 60,
    Description: Match.stringLikeRegexp('Catalogues'),
  });
});

test('the table has the keys and indexes of the catalogue, forgets what expires, is protected, can be restored to any second', () => {
  const keys = (partitionKey: string, sortKey: string) => [
    { AttributeName: partitionKey, KeyType: 'HASH' },
    { AttributeName: sortKey, KeyType: 'RANGE' },
  ];
  const { partitionKey, sortKey, indexes } = CATALOGUE_TABLE;
  template.hasResource('AWS::DynamoDB::GlobalTable', {
    DeletionPolicy: 'Retain',
    Properties: {
      TableName: 'podfreight',
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: keys(partitionKey, sortKey),
      TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
      GlobalSecondaryIndexes: indexes.map((index) => ({
        IndexName: index.name,
        KeySchema: keys(index.partitionKey, index.sortKey),
        Projection: { ProjectionType: 'ALL' },
      })),
      Replicas: [
        Match.objectLike({
          Region: { Ref: 'AWS::Region' },
          DeletionProtectionEnabled: true,
          PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        }),
      ],
    },
  });
});

test('all functions run on Node.js 24 and arm64, traced, with log groups that are encrypted and forget', () => {
  template.allResourcesProperties('AWS::Lambda::Function', {
    Runtime: 'nodejs24.x',
    Architectures: ['arm64'],
    TracingConfig: { Mode: 'Active' },
    LoggingConfig: { LogFormat: 'JSON', LogGroup: { Ref: Match.anyValue() } },
  });
  template.allResourcesProperties('AWS::Logs::LogGroup', { RetentionInDays: 90, KmsKeyId: key() });
});

test('functions run at once no more often than was set', () => {
  const reserved = Object.values(template.findResources('AWS::Lambda::Function')).map(({ Properties }) => [
    Properties.FunctionName,
    Properties.ReservedConcurrentExecutions,
  ]);
  assert.deepEqual(Object.fromEntries(reserved), {
    'podfreight-catalogue': undefined,
    'podfreight-create-bundle': 10,
    'podfreight-reconcile': undefined,
    'podfreight-retention': undefined,
  });
});

test('the clock asks every hour whether to compare buckets and catalogue', () => {
  template.hasResourceProperties('AWS::Events::Rule', {
    ScheduleExpression: 'rate(1 hour)',
    Targets: [Match.objectLike({ Arn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^RepairReconcileFunction'), 'Arn'] } })],
  });
});

test('no role has a policy inside it, or one of AWS', () => {
  template.resourceCountIs('AWS::IAM::Policy', 0);
  const own = new Set(Object.keys(template.findResources('AWS::IAM::ManagedPolicy')));
  for (const { Properties } of Object.values(template.findResources('AWS::IAM::Role'))) {
    assert.equal(Properties.Policies, undefined);
    assert.ok(Properties.ManagedPolicyArns.length > 0);
    for (const { Ref } of Properties.ManagedPolicyArns) assert.ok(own.has(Ref), Ref);
  }
});

test('functions are told where things are', () => {
  const environments = Object.values(template.findResources('AWS::Lambda::Function')).map(({ Properties }) => [
    Properties.FunctionName,
    Object.keys(Properties.Environment.Variables)
      .filter((name) => name.startsWith('PODFREIGHT_'))
      .sort(),
  ]);
  const always = ['PODFREIGHT_ARCHIVES_BUCKET', 'PODFREIGHT_REGIONS', 'PODFREIGHT_TABLE'];
  assert.deepEqual(Object.fromEntries(environments), {
    'podfreight-catalogue': always,
    'podfreight-create-bundle': [...always, 'PODFREIGHT_BUNDLES_BUCKET'].sort(),
    'podfreight-reconcile': [...always, 'PODFREIGHT_BUNDLES_BUCKET', 'PODFREIGHT_RECONCILE_HOURS'].sort(),
    'podfreight-retention': always,
  });
});

test('the outputs say what command line, nodes and operators need to know', () => {
  const expected = { ...OUTPUTS, ...OPERATING_OUTPUTS, ...ROLE_OUTPUTS };
  assert.deepEqual(Object.keys(template.findOutputs('*')).sort(), Object.keys(expected).sort());
});

test('the app synthesises without a network and with all checks, and says no when a setting is wrong', () => {
  const out = mkdtempSync(join(tmpdir(), 'podfreight-synth-'));
  const refuse =
    'data:text/javascript,import net from "node:net";net.Socket.prototype.connect=()=>{throw Error("network")}';
  const run = (context: object) =>
    spawnSync(process.execPath, ['--import', refuse, 'infra/app.ts'], {
      cwd: join(import.meta.dirname, '../..'),
      env: { PATH: process.env.PATH, CDK_OUTDIR: join(out, 'app'), CDK_CONTEXT_JSON: JSON.stringify(context) },
      encoding: 'utf8',
    });
  try {
    const good = run({});
    assert.equal(good.status, 0, good.stderr);
    const bad = run({ podfreight: { stackname: 'x' } });
    assert.equal(bad.status, 1);
    assert.match(bad.stderr, /^The context "podfreight" has the unknown setting "stackname".*\n$/);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
});
