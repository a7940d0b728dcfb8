import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { App, Validations } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { AwsSolutionsChecks } from 'cdk-nag';
import { CATALOGUE_TABLE } from '../../core/catalogue/table.ts';
import { readConfig } from '../../infra/config.ts';
import { PodfreightStack } from '../../infra/stack.ts';

const out = mkdtempSync(join(tmpdir(), 'podfreight-synth-'));
after(() => rmSync(out, { recursive: true, force: true }));

const app = new App({ outdir: join(out, 'tests') });
const stack = new PodfreightStack(app, 'podfreight', readConfig(app.node));
const template = Template.fromStack(stack);

function idOf(type: string, idPrefix: string): string {
  const ids = Object.keys(template.findResources(type)).filter((id) => id.startsWith(idPrefix));
  assert.equal(ids.length, 1, `${ids.length} resources of type ${type} begin with ${idPrefix}`);
  return ids[0] ?? '';
}

test('every bucket is private, encrypted, owned by its account, and outlives the stack', () => {
  const buckets = template.findResources('AWS::S3::Bucket');
  assert.equal(Object.keys(buckets).length, 3);
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
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
      },
      OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
    }),
  });
});

test('no bucket and no queue can be reached without TLS', () => {
  const refusal = Match.objectLike({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } });
  const withRefusal = { PolicyDocument: { Statement: Match.arrayWith([refusal]) } };
  template.resourcePropertiesCountIs('AWS::S3::BucketPolicy', withRefusal, 3);
  template.resourcePropertiesCountIs('AWS::SQS::QueuePolicy', withRefusal, 2);
});

for (const id of ['Archives', 'Bundles']) {
  test(`${id} keeps versions, forgets unfinished uploads after a week, and logs who reads`, () => {
    const properties = template.findResources('AWS::S3::Bucket')[idOf('AWS::S3::Bucket', id)]?.Properties;
    assert.equal(properties.VersioningConfiguration.Status, 'Enabled');
    const [abort] = properties.LifecycleConfiguration.Rules;
    assert.equal(abort.AbortIncompleteMultipartUpload.DaysAfterInitiation, 7);
    assert.equal(abort.Prefix, undefined);
    assert.deepEqual(properties.LoggingConfiguration.DestinationBucketName, {
      Ref: idOf('AWS::S3::Bucket', 'AccessLogs'),
    });
  });
}

test('what expires is what was rewritten for a bundle, and access logs; never an archive or a bundle', () => {
  const expiring = Object.values(template.findResources('AWS::S3::Bucket')).flatMap(({ Properties }) =>
    Properties.LifecycleConfiguration.Rules.filter(
      (rule: Record<string, unknown>) => 'ExpirationInDays' in rule || 'NoncurrentVersionExpiration' in rule,
    ).map((rule: { Id: string; Prefix?: string }) => `${rule.Id} ${rule.Prefix ?? '*'}`),
  );
  assert.deepEqual(expiring.sort(), ['expire *', 'expire-normalised normalised/']);
});

test('what comes to and goes from the archives, and nothing else, goes into the queue', () => {
  template.resourceCountIs('AWS::Events::Rule', 1);
  template.hasResourceProperties('AWS::Events::Rule', {
    EventPattern: {
      source: ['aws.s3'],
      'detail-type': ['Object Created', 'Object Deleted'],
      detail: { bucket: { name: [{ Ref: idOf('AWS::S3::Bucket', 'Archives') }] } },
    },
    Targets: [Match.objectLike({ Arn: { 'Fn::GetAtt': [idOf('AWS::SQS::Queue', 'Events'), 'Arn'] } })],
  });
  template.resourcePropertiesCountIs(
    'AWS::S3::Bucket',
    { NotificationConfiguration: { EventBridgeConfiguration: { EventBridgeEnabled: true } } },
    1,
  );
});

test('the queue waits six times the timeout of its function, and puts aside what fails five times', () => {
  template.hasResourceProperties('AWS::SQS::Queue', {
    SqsManagedSseEnabled: true,
    VisibilityTimeout: 360,
    RedrivePolicy: {
      maxReceiveCount: 20,
      deadLetterTargetArn: { 'Fn::GetAtt': [idOf('AWS::SQS::Queue', 'DeadLetters'), 'Arn'] },
    },
  });
  template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
    FunctionName: { Ref: idOf('AWS::Lambda::Function', 'CatalogueFunction') },
    FunctionResponseTypes: ['ReportBatchItemFailures'],
    ScalingConfig: { MaximumConcurrency: 10 },
  });
  template.hasResourceProperties('AWS::Lambda::Function', {
    Timeout: 60,
    Description: Match.stringLikeRegexp('Catalogues'),
  });
});

test('the table has the keys and indexes of the catalogue, is protected, and can be restored to any second', () => {
  const keys = (partitionKey: string, sortKey: string) => [
    { AttributeName: partitionKey, KeyType: 'HASH' },
    { AttributeName: sortKey, KeyType: 'RANGE' },
  ];
  const { partitionKey, sortKey, indexes } = CATALOGUE_TABLE;
  template.hasResource('AWS::DynamoDB::GlobalTable', {
    DeletionPolicy: 'Retain',
    Properties: {
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: keys(partitionKey, sortKey),
      GlobalSecondaryIndexes: indexes.map((index) => ({
        IndexName: index.name,
        KeySchema: keys(index.partitionKey, index.sortKey),
        Projection: { ProjectionType: 'ALL' },
      })),
      Replicas: [
        Match.objectLike({
          DeletionProtectionEnabled: true,
          PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        }),
      ],
    },
  });
});

test('both functions run on Node.js 24 and arm64, with log groups that forget', () => {
  template.resourceCountIs('AWS::Lambda::Function', 2);
  template.allResourcesProperties('AWS::Lambda::Function', {
    Runtime: 'nodejs24.x',
    Architectures: ['arm64'],
    LoggingConfig: { LogFormat: 'JSON', LogGroup: { Ref: Match.anyValue() } },
  });
  template.allResourcesProperties('AWS::Logs::LogGroup', { RetentionInDays: 90 });
});

/** Every statement of a role's policy as `actions on resource`, with the random ends of resource names cut off. */
function permissionsOf(roleId: string): string[] {
  const policies = Object.values(template.findResources('AWS::IAM::Policy'));
  const role = idOf('AWS::IAM::Role', roleId);
  const own = policies.filter(({ Properties }) => Properties.Roles.some(({ Ref }: { Ref: string }) => Ref === role));
  return own
    .flatMap(({ Properties }) => Properties.PolicyDocument.Statement)
    .map(({ Effect, Action, Resource, Condition }) => {
      assert.equal(Effect, 'Allow');
      assert.equal(Condition, undefined);
      return `${[Action].flat().sort().join(' ')} on ${nameOf(Resource)}`;
    })
    .sort();
}

function nameOf(resource: {
  'Fn::GetAtt'?: string[];
  'Fn::Join'?: [string, (string | { 'Fn::GetAtt': string[] })[]];
}): string {
  const name = (id = '') => id.replace(/[0-9A-F]{8}$/, '');
  const pieces = resource['Fn::Join']?.[1] ?? [resource as { 'Fn::GetAtt': string[] }];
  return pieces.map((piece) => (typeof piece === 'string' ? piece : name(piece['Fn::GetAtt'][0]))).join('');
}

test('the catalogue function may do this and nothing else', () => {
  assert.deepEqual(permissionsOf('CatalogueRole'), [
    'dynamodb:DeleteItem dynamodb:GetItem dynamodb:PutItem dynamodb:Query on CatalogueTable',
    'logs:CreateLogStream logs:PutLogEvents on CatalogueLogs',
    's3:GetObject s3:GetObjectVersion on Archives/*',
    's3:ListBucket on Archives',
    'sqs:ChangeMessageVisibility sqs:DeleteMessage sqs:GetQueueAttributes sqs:GetQueueUrl sqs:ReceiveMessage on Events',
  ]);
});

test('the bundle function may do this and nothing else', () => {
  assert.deepEqual(permissionsOf('CreateBundleRole'), [
    'dynamodb:GetItem dynamodb:PutItem on CatalogueTable',
    ...CATALOGUE_TABLE.indexes.map(({ name }) => `dynamodb:Query on CatalogueTable/index/${name}`).sort(),
    'logs:CreateLogStream logs:PutLogEvents on CreateBundleLogs',
    's3:AbortMultipartUpload s3:GetObject s3:GetObjectVersion s3:ListMultipartUploadParts s3:PutObject on Bundles/*',
    's3:GetObject s3:GetObjectVersion on Archives/*',
    's3:ListBucket on Archives',
    's3:ListBucket s3:ListBucketMultipartUploads on Bundles',
  ]);
});

test('there are no other roles, and no policies of AWS attached to them', () => {
  template.resourceCountIs('AWS::IAM::Role', 2);
  template.allResourcesProperties('AWS::IAM::Role', { ManagedPolicyArns: Match.absent() });
});

test('functions are told where things are', () => {
  const environments = Object.entries(template.findResources('AWS::Lambda::Function')).map(([id, { Properties }]) => [
    id.replace(/[0-9A-F]{8}$/, ''),
    Object.keys(Properties.Environment.Variables)
      .filter((name) => name.startsWith('PODFREIGHT_'))
      .sort(),
  ]);
  assert.deepEqual(Object.fromEntries(environments), {
    CatalogueFunction: ['PODFREIGHT_ARCHIVES_BUCKET', 'PODFREIGHT_TABLE'],
    CreateBundleFunction: ['PODFREIGHT_ARCHIVES_BUCKET', 'PODFREIGHT_BUNDLES_BUCKET', 'PODFREIGHT_TABLE'],
  });
});

test('the outputs say what the command line needs to know', () => {
  assert.deepEqual(Object.keys(template.findOutputs('*')).sort(), [
    'ArchivesBucket',
    'BundleFunction',
    'BundlesBucket',
    'Table',
  ]);
});

test('cdk-nag finds nothing that is not answered for', () => {
  const { violations } = new AwsSolutionsChecks(app).validateScope(stack);
  assert.deepEqual(
    violations.map(({ ruleName }) => ruleName),
    [],
  );
});

test('what cdk-nag is told to accept is the wildcard over the objects of one bucket, with a reason', () => {
  const acknowledged = stack.node
    .findAll()
    .flatMap(({ node }) => node.metadata)
    .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
    .flatMap(({ data }) => Object.entries(data as Record<string, string>));
  assert.equal(acknowledged.length, 3);
  for (const [id, reason] of acknowledged) {
    assert.match(id, /AwsSolutions-IAM5\[Resource::<(Archives|Bundles)[0-9A-F]{8}\.Arn>\/\*\]$/);
    assert.ok(reason.length > 20, `${id}: ${reason}`);
  }
});

test('cdk-nag does find a bucket that takes requests in clear and logs none', () => {
  const other = new App({ outdir: join(out, 'careless') });
  const careless = new PodfreightStack(other, 'podfreight', readConfig(other.node));
  new Bucket(careless, 'Careless');
  const { violations } = new AwsSolutionsChecks(other).validateScope(careless);
  const found = violations.map(({ ruleName }) => ruleName).sort();
  assert.deepEqual(found, ['AwsSolutions-S1', 'AwsSolutions-S10']);
});

test('the app synthesises without a network, and says no when a setting is wrong', () => {
  const refuse =
    'data:text/javascript,import net from "node:net";net.Socket.prototype.connect=()=>{throw Error("network")}';
  const run = (context: object) =>
    spawnSync(process.execPath, ['--import', refuse, 'infra/app.ts'], {
      cwd: join(import.meta.dirname, '../..'),
      env: { PATH: process.env.PATH, CDK_OUTDIR: join(out, 'app'), CDK_CONTEXT_JSON: JSON.stringify(context) },
      encoding: 'utf8',
    });
  const good = run({});
  assert.equal(good.status, 0, good.stderr);
  const bad = run({ podfreight: { stackname: 'x' } });
  assert.equal(bad.status, 1);
  assert.match(bad.stderr, /^The context "podfreight" has the unknown setting "stackname".*\n$/);
});
