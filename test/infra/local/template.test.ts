import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Template } from '../../../infra/local/template.ts';

const BUCKET = { Type: 'AWS::S3::Bucket' };

/** The value that a property has after it was resolved. */
function resolve(value: never, resources: object = {}): unknown {
  const raw = { Resources: { ...resources, Subject: { Type: 'AWS::Events::Rule', Properties: { value } } } };
  const [subject] = new Template('stack', raw as never).resources<{ value?: unknown }>('AWS::Events::Rule');
  return subject?.properties.value;
}

const RESOURCES = {
  ArchivesBucket5ACA3F36: BUCKET,
  Given: { Type: 'AWS::SQS::Queue', Properties: { QueueName: { 'Fn::Join': ['-', ['a', 'b']] } } },
};

const RESOLVED: [unknown, unknown][] = [
  [{ Ref: 'ArchivesBucket5ACA3F36' }, 'stack-archives-bucket'],
  [{ Ref: 'Given' }, 'a-b'],
  [{ Ref: 'AWS::Region' }, 'us-east-1'],
  [{ Ref: 'AWS::StackName' }, 'stack'],
  [{ 'Fn::GetAtt': ['ArchivesBucket5ACA3F36', 'Arn'] }, 'arn:aws:s3:::stack-archives-bucket'],
  [{ 'Fn::GetAtt': ['Given', 'Arn'] }, 'arn:aws:sqs:us-east-1:000000000000:a-b'],
  [{ 'Fn::GetAtt': ['Given', 'QueueName'] }, 'a-b'],
  [{ 'Fn::Join': ['/', [{ Ref: 'Given' }, 'x']] }, 'a-b/x'],
  [{ 'Fn::Sub': `x-\${AWS::AccountId}-\${Given}-\${Given.QueueName}-\${!Given}` }, `x-000000000000-a-b-a-b-\${Given}`],
  [{ a: [{ b: { Ref: 'Given' } }, 1, null, true] }, { a: [{ b: 'a-b' }, 1, null, true] }],
  [{ kept: 1, gone: { Ref: 'AWS::NoValue' } }, { kept: 1 }],
  [
    { Ref: 'Given', beside: 1 },
    { Ref: 'Given', beside: 1 },
  ],
];

for (const [value, expected] of RESOLVED) {
  test(`${JSON.stringify(value)} becomes ${JSON.stringify(expected)}`, () => {
    assert.deepEqual(resolve(value as never, RESOURCES), expected);
  });
}

const REFUSED: [unknown, string][] = [
  [{ 'Fn::ImportValue': 'x' }, 'unsupported'],
  [{ 'Fn::Sub': [`\${x}`, { x: 'y' }] }, 'unsupported'],
  [{ 'Fn::GetAtt': ['ArchivesBucket5ACA3F36', 'DomainName'] }, 'unsupported'],
  [{ Ref: 'Missing' }, 'not-found'],
];

for (const [value, code] of REFUSED) {
  test(`${JSON.stringify(value)} is refused and not guessed`, () => {
    assert.throws(() => resolve(value as never, RESOURCES), { code });
  });
}

test('resources come by type, with name, ARN and resolved properties', () => {
  const raw = { Resources: RESOURCES, Outputs: { Queue: { Value: { Ref: 'Given' } } } };
  const template = new Template('stack', raw as never);
  assert.deepEqual(template.resources('AWS::S3::Bucket', 'AWS::DynamoDB::Table'), [
    {
      logicalId: 'ArchivesBucket5ACA3F36',
      name: 'stack-archives-bucket',
      arn: 'arn:aws:s3:::stack-archives-bucket',
      properties: {},
    },
  ]);
  assert.equal(template.output('Queue'), 'a-b');
  assert.throws(() => template.output('None'), { code: 'not-found' });
  assert.deepEqual(template.typesOtherThan(['AWS::S3::Bucket']), ['AWS::SQS::Queue']);
});
