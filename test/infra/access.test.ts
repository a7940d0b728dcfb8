import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { synthesise } from '../../infra/local/assembly.ts';
import type { Call, Conditions, Principal } from '../../infra/local/sessions.ts';
import { ACCOUNT, REGION } from '../../infra/local/template.ts';
import { CALLS } from './calls.ts';
import { Policies } from './policies.ts';

// IAM's answers by a simulator, from the policies as they are synthesised: identity, buckets, queues and key together.

const [{ template }] = synthesise();
const policies = new Policies(template);

const ARCHIVES = `arn:aws:s3:::podfreight-archives-${ACCOUNT}-${REGION}`;
const BUNDLES = `arn:aws:s3:::podfreight-bundles-${ACCOUNT}-${REGION}`;
const LOGS = `arn:aws:s3:::podfreight-access-logs-${ACCOUNT}-${REGION}`;
const TABLE = `arn:aws:dynamodb:${REGION}:${ACCOUNT}:table/podfreight`;
const EVENTS = template.output('EventsQueueArn');
const DEAD_LETTERS = template.output('DeadLettersArn');
const functionArn = (name: string) => `arn:aws:lambda:${REGION}:${ACCOUNT}:function:podfreight-${name}`;

/** Of cluster `prod` and node `n1`, where that matters. */
const WHO: Readonly<Record<string, Principal>> = {
  ...Object.fromEntries(Object.keys(CALLS).map((name) => [name, { name }])),
  agent: { name: 'agent', tags: { 'eks-cluster-name': 'prod' } },
  node: { name: 'node', tags: { 'podfreight-cluster': 'prod', 'podfreight-node': 'n1' } },
};
const who = (name: string): Principal => WHO[name] ?? assert.fail(`no role ${name}`);

const OWN = `${ARCHIVES}/prod/n1/pod/20261122T132000Z.tar.zst`;
const OTHER_NODE = `${ARCHIVES}/prod/n2/pod/20261122T132000Z.tar.zst`;
const OTHER_CLUSTER = `${ARCHIVES}/test/n1/pod/20261122T132000Z.tar.zst`;
const BUNDLE = `${BUNDLES}/6a5c3f0de1b24c6f9b7d0f6e8a1c2d3e.tar.zst`;
const leading = (objectArn: string): Conditions => ({
  'dynamodb:LeadingKeys': [`ARCHIVE#${objectArn.slice('arn:aws:s3:::'.length)}`],
});

/** A put as the code makes it: only if there is none. */
const ONCE = { 's3:if-none-match': '*', 's3:ObjectCreationOperation': 'true' };
const OVER = { 's3:ObjectCreationOperation': 'true' };
const IN_CLEAR = { 'aws:SecureTransport': 'false' };
const encryption = (name: string, value: string): Conditions => ({
  ...ONCE,
  [`s3:x-amz-server-side-encryption${name}`]: value,
});

const RESOURCES: Readonly<Record<string, string>> = {
  archives: ARCHIVES,
  'archives/*': OWN,
  bundles: BUNDLES,
  'bundles/*': BUNDLE,
  table: TABLE,
  'create-bundle': functionArn('create-bundle'),
};

const CONDITIONS: Readonly<Record<string, Conditions>> = {
  's3:PutObject': ONCE,
  ...Object.fromEntries(
    ['GetItem', 'Query', 'PutItem', 'BatchWriteItem'].map((verb) => [`dynamodb:${verb}`, leading(OWN)]),
  ),
};

function callOf(role: string, row: string): Call {
  const [action = '', kind = ''] = row.split(' ');
  const resource = RESOURCES[kind] ?? `${TABLE}${kind.replace(/^table/, '')}`;
  return { principal: who(role), action, resource, conditions: CONDITIONS[action] ?? {} };
}

for (const [role, rows] of Object.entries(CALLS)) {
  test(`${role} may do all ${rows.length} things that end-to-end runs saw it do`, async () => {
    for (const row of rows) assert.equal(await policies.allows(callOf(role, row)), true, row);
  });

  test(`${role} may do nothing that it does not do`, () => {
    const made = new Set([...rows.map((row) => row.split(' ')[0]), ...(BESIDES[role] ?? [])]);
    const superfluous = policies.actionsOf(role).filter((action) => !made.has(action));
    assert.deepEqual(superfluous, []);
  });
}

/** What is done in a role's name where end-to-end runs do not look: by Lambda, S3 and the commands of AWS. */
const LAMBDA = ['logs:CreateLogStream', 'logs:PutLogEvents', 'xray:PutTraceSegments', 'xray:PutTelemetryRecords'];
const POLLING = ['ReceiveMessage', 'DeleteMessage', 'ChangeMessageVisibility', 'GetQueueAttributes'];
const SET_UP = ['cloudformation:DescribeStacks', 's3:GetBucketVersioning', 'kms:Decrypt'];
const BESIDES: Readonly<Record<string, readonly string[]>> = {
  catalogue: [...LAMBDA, ...POLLING.map((verb) => `sqs:${verb}`), 'kms:Decrypt'],
  'create-bundle': [...LAMBDA, 'kms:Decrypt', 'kms:GenerateDataKey'],
  reconcile: [...LAMBDA, 'kms:Decrypt'],
  agent: ['kms:Decrypt', 'kms:GenerateDataKey'],
  node: ['kms:Decrypt', 'kms:GenerateDataKey'],
  reader: SET_UP,
  retention: [...LAMBDA, 'kms:Decrypt'],
  operator: SET_UP,
};

test('Lambda polls the queue in the name of the catalogue function, S3 uses the key, the logs are written', async () => {
  for (const verb of POLLING) {
    const call = { principal: who('catalogue'), action: `sqs:${verb}`, resource: EVENTS, conditions: {} };
    assert.equal(await policies.decide(call), 'Allowed', verb);
  }
  const stack = `arn:aws:cloudformation:${REGION}:${ACCOUNT}:stack/podfreight/8d7a`;
  const describe = {
    principal: who('reader'),
    action: 'cloudformation:DescribeStacks',
    resource: stack,
    conditions: {},
  };
  assert.equal(await policies.decide(describe), 'Allowed');
});

/** Forbidden, in words; who, what, on what, on which conditions; and what is allowed that looks like it. */
type Forbidden = readonly [
  words: string,
  role: string,
  action: string,
  resource: string,
  conditions?: Conditions,
  twin?: {
    readonly resource?: string;
    readonly conditions?: Conditions;
    readonly action?: string;
    readonly role?: string;
  },
];

const KEY = policies.keyArn;
const keyUse = (bucketArn: string, other: Conditions = {}): Conditions => ({
  'aws:ResourceTag/podfreight': 'podfreight',
  'kms:ViaService': `s3.${REGION}.amazonaws.com`,
  'kms:EncryptionContext:aws:s3:arn': bucketArn,
  ...other,
});
const OTHER_KEY = `arn:aws:kms:${REGION}:${ACCOUNT}:key/another`;

const FORBIDDEN: readonly Forbidden[] = [
  // Nodes
  ['a node puts as another node', 'node', 's3:PutObject', OTHER_NODE, ONCE, { resource: OWN }],
  ['a node puts as one of another cluster', 'node', 's3:PutObject', OTHER_CLUSTER, ONCE, { resource: OWN }],
  [
    'a node whose name begins as its own',
    'node',
    's3:PutObject',
    `${ARCHIVES}/prod/n11/p/x.tar`,
    ONCE,
    { resource: OWN },
  ],
  ['a node puts at the top', 'node', 's3:PutObject', `${ARCHIVES}/x.tar`, ONCE, { resource: OWN }],
  ['a node reads another node’s archive', 'node', 's3:GetObject', OTHER_NODE, {}, { resource: OWN }],
  ['a node reads an old version of another’s', 'node', 's3:GetObjectVersion', OTHER_NODE, {}, { resource: OWN }],
  ['a node overwrites its own archive', 'node', 's3:PutObject', OWN, OVER, { conditions: ONCE }],
  [
    'a node overwrites it if it is what it was',
    'node',
    's3:PutObject',
    OWN,
    { ...OVER, 's3:if-match': 'etag' },
    { conditions: ONCE },
  ],
  ['a node puts over plain HTTP', 'node', 's3:PutObject', OWN, { ...ONCE, ...IN_CLEAR }, { conditions: ONCE }],
  ['a node puts over old TLS', 'node', 's3:PutObject', OWN, { ...ONCE, 's3:TlsVersion': '1.1' }, { conditions: ONCE }],
  [
    'a node puts without the key',
    'node',
    's3:PutObject',
    OWN,
    encryption('', 'AES256'),
    { conditions: encryption('', 'aws:kms') },
  ],
  [
    'a node puts with another key',
    'node',
    's3:PutObject',
    OWN,
    encryption('-aws-kms-key-id', OTHER_KEY),
    { conditions: encryption('-aws-kms-key-id', KEY) },
  ],
  [
    'a node puts with a key of its own making',
    'node',
    's3:PutObject',
    OWN,
    encryption('-customer-algorithm', 'AES256'),
    { conditions: ONCE },
  ],
  ['a node deletes its archive', 'node', 's3:DeleteObject', OWN],
  ['a node deletes a version', 'node', 's3:DeleteObjectVersion', OWN],
  ['a node ends another’s upload', 'node', 's3:AbortMultipartUpload', OTHER_NODE, {}, { resource: OWN }],
  ['a node looks at another’s upload', 'node', 's3:ListMultipartUploadParts', OTHER_NODE, {}, { resource: OWN }],
  ['a node puts a bundle', 'node', 's3:PutObject', BUNDLE, ONCE, { resource: OWN }],
  ['a node reads a bundle', 'node', 's3:GetObject', BUNDLE, {}, { resource: OWN }],
  [
    'a node puts into a bucket of that name in another account',
    'node',
    's3:PutObject',
    OWN,
    { ...ONCE, 'aws:ResourceAccount': '999999999999' },
    { conditions: ONCE },
  ],
  [
    'a node looks up another’s archive',
    'node',
    'dynamodb:GetItem',
    TABLE,
    leading(OTHER_NODE),
    { conditions: leading(OWN) },
  ],
  [
    'a node looks up a bundle',
    'node',
    'dynamodb:GetItem',
    TABLE,
    { 'dynamodb:LeadingKeys': ['BUNDLE#x'] },
    { conditions: leading(OWN) },
  ],
  ['a node writes the catalogue', 'node', 'dynamodb:PutItem', TABLE, leading(OWN), { action: 'dynamodb:GetItem' }],
  ['a node reads all of the catalogue', 'node', 'dynamodb:Scan', TABLE],
  ['a node asks an index', 'node', 'dynamodb:Query', `${TABLE}/index/cluster`, {}, { role: 'reader' }],
  ['a node makes bundles', 'node', 'lambda:InvokeFunction', functionArn('create-bundle'), {}, { role: 'operator' }],
  ['a node decrypts bundles', 'node', 'kms:Decrypt', KEY, keyUse(BUNDLES), { conditions: keyUse(ARCHIVES) }],
  [
    'a node decrypts past S3',
    'node',
    'kms:Decrypt',
    KEY,
    keyUse(ARCHIVES, { 'kms:ViaService': `ec2.${REGION}.amazonaws.com` }),
    { conditions: keyUse(ARCHIVES) },
  ],
  [
    'a node uses a key that is not podfreight’s',
    'node',
    'kms:Decrypt',
    KEY,
    keyUse(ARCHIVES, { 'aws:ResourceTag/podfreight': 'other' }),
    { conditions: keyUse(ARCHIVES) },
  ],
  ['an agent puts as one of another cluster', 'agent', 's3:PutObject', OTHER_CLUSTER, ONCE, { resource: OWN }],
  ['an agent reads another cluster’s archive', 'agent', 's3:GetObject', OTHER_CLUSTER, {}, { resource: OTHER_NODE }],
  ['an agent overwrites', 'agent', 's3:PutObject', OWN, OVER, { conditions: ONCE }],
  ['an agent deletes', 'agent', 's3:DeleteObject', OWN],
  // Functions
  ['the catalogue function writes an archive', 'catalogue', 's3:PutObject', OWN, ONCE, { role: 'node' }],
  ['the catalogue function deletes an archive', 'catalogue', 's3:DeleteObject', OWN],
  ['the catalogue function reads a bundle', 'catalogue', 's3:GetObject', BUNDLE, {}, { resource: OWN }],
  [
    'the catalogue function reads access logs',
    'catalogue',
    's3:GetObject',
    `${LOGS}/archives/x`,
    {},
    { resource: OWN },
  ],
  [
    'the catalogue function purges the queue',
    'catalogue',
    'sqs:PurgeQueue',
    EVENTS,
    {},
    { action: 'sqs:ReceiveMessage' },
  ],
  [
    'the catalogue function takes dead letters',
    'catalogue',
    'sqs:ReceiveMessage',
    DEAD_LETTERS,
    {},
    { resource: EVENTS },
  ],
  [
    'the catalogue function receives over plain HTTP',
    'catalogue',
    'sqs:ReceiveMessage',
    EVENTS,
    IN_CLEAR,
    { conditions: {} },
  ],
  [
    'the catalogue function drops the table',
    'catalogue',
    'dynamodb:DeleteTable',
    TABLE,
    {},
    { action: 'dynamodb:PutItem' },
  ],
  ['the catalogue function turns off recovery', 'catalogue', 'dynamodb:UpdateContinuousBackups', TABLE],
  ['the catalogue function makes bundles', 'catalogue', 'lambda:InvokeFunction', functionArn('create-bundle')],
  ['the bundle function writes an archive', 'create-bundle', 's3:PutObject', OWN, ONCE, { resource: BUNDLE }],
  ['the bundle function overwrites a bundle', 'create-bundle', 's3:PutObject', BUNDLE, OVER, { conditions: ONCE }],
  ['the bundle function deletes a bundle', 'create-bundle', 's3:DeleteObject', BUNDLE],
  [
    'the bundle function removes an item',
    'create-bundle',
    'dynamodb:DeleteItem',
    TABLE,
    {},
    { action: 'dynamodb:PutItem' },
  ],
  [
    'the bundle function encrypts for the archives bucket',
    'create-bundle',
    'kms:GenerateDataKey',
    KEY,
    keyUse(ARCHIVES),
    { conditions: keyUse(BUNDLES) },
  ],
  ['the bundle function changes itself', 'create-bundle', 'lambda:UpdateFunctionCode', functionArn('create-bundle')],
  ['the reconciling function deletes an archive', 'reconcile', 's3:DeleteObject', OWN, {}, { role: 'operator' }],
  ['the reconciling function writes an archive', 'reconcile', 's3:PutObject', OWN, ONCE, { role: 'node' }],
  // People
  ['a reader puts an archive', 'reader', 's3:PutObject', OWN, ONCE, { role: 'node' }],
  ['a reader deletes an archive', 'reader', 's3:DeleteObject', OWN, {}, { role: 'operator' }],
  [
    'a reader makes a bundle',
    'reader',
    'lambda:InvokeFunction',
    functionArn('create-bundle'),
    {},
    { role: 'operator' },
  ],
  ['a reader reads over plain HTTP', 'reader', 's3:GetObject', OWN, IN_CLEAR, { conditions: {} }],
  ['a reader encrypts', 'reader', 'kms:GenerateDataKey', KEY, keyUse(ARCHIVES), { action: 'kms:Decrypt' }],
  ['a reader writes the catalogue', 'reader', 'dynamodb:PutItem', TABLE],
  ['a reader reads who reads', 'reader', 's3:GetObject', `${LOGS}/archives/x`, {}, { resource: OWN }],
  ['an operator deletes a bundle', 'operator', 's3:DeleteObject', BUNDLE],
  ['an operator holds a bundle', 'operator', 's3:PutObjectLegalHold', BUNDLE],
  ['an operator puts an archive', 'operator', 's3:PutObject', OWN, ONCE, { role: 'node' }],
  [
    'an operator removes a version for good',
    'operator',
    's3:DeleteObjectVersion',
    OWN,
    {},
    { action: 's3:DeleteObject' },
  ],
  ['an operator changes a bucket’s policy', 'operator', 's3:PutBucketPolicy', ARCHIVES],
  [
    'an operator stops versions',
    'operator',
    's3:PutBucketVersioning',
    ARCHIVES,
    {},
    { action: 's3:GetBucketVersioning' },
  ],
  ['an operator deletes a bucket', 'operator', 's3:DeleteBucket', ARCHIVES],
  [
    'an operator invokes the catalogue function',
    'operator',
    'lambda:InvokeFunction',
    functionArn('catalogue'),
    {},
    { resource: functionArn('create-bundle') },
  ],
  ['an operator purges the queue', 'operator', 'sqs:PurgeQueue', EVENTS],
  ['an operator schedules the key’s end', 'operator', 'kms:ScheduleKeyDeletion', KEY],
];

describe(`${FORBIDDEN.length} things that nobody may do`, () => {
  assert.ok(FORBIDDEN.length >= 40);
  for (const [words, role, action, resource, conditions = {}, twin] of FORBIDDEN) {
    test(`prevents: ${words}`, async () => {
      const call = { principal: who(role), action, resource, conditions };
      assert.notEqual(await policies.decide(call), 'Allowed');
      if (!twin) return;
      const { role: twinRole, ...changes } = twin;
      assert.equal(
        await policies.decide({ ...call, ...changes, ...(twinRole && { principal: who(twinRole) }) }),
        'Allowed',
      );
    });
  }
});

test('a multipart upload begins and takes its parts without the header that its completion must have', async () => {
  const part = { 's3:ObjectCreationOperation': 'false' };
  const call = (conditions: Conditions) => ({
    principal: who('node'),
    action: 's3:PutObject',
    resource: OWN,
    conditions,
  });
  assert.deepEqual(
    [await policies.decide(call(part)), await policies.decide(call(OVER)), await policies.decide(call(ONCE))],
    ['Allowed', 'ExplicitlyDenied', 'Allowed'],
  );
});

test('without tags of its session, or with half of them, a node may nothing', async () => {
  for (const tags of [
    {},
    { 'podfreight-cluster': 'prod' },
    { 'podfreight-node': 'n1' },
    { 'eks-cluster-name': 'prod' },
  ]) {
    const call = { principal: { name: 'node', tags }, action: 's3:PutObject', resource: OWN, conditions: ONCE };
    assert.equal(await policies.decide(call), 'ImplicitlyDenied', JSON.stringify(tags));
  }
});

test('roles are taken by those they are meant for', async () => {
  const someone = `arn:aws:iam::${ACCOUNT}:role/someone`;
  const stranger = 'arn:aws:iam::999999999999:role/someone';
  const tagged = { 'aws:RequestTag/podfreight-cluster': 'prod', 'aws:RequestTag/podfreight-node': 'n1' };
  assert.deepEqual(
    {
      agent: [await policies.trusts('agent', 'pods.eks.amazonaws.com'), await policies.trusts('agent', someone)],
      node: [await policies.trusts('node', someone, tagged), await policies.trusts('node', someone)],
      operator: [await policies.trusts('operator', someone), await policies.trusts('operator', stranger)],
      reader: [await policies.trusts('reader', someone), await policies.trusts('reader', stranger)],
      catalogue: [
        await policies.trusts('catalogue', 'lambda.amazonaws.com'),
        await policies.trusts('catalogue', 'pods.eks.amazonaws.com'),
      ],
    },
    {
      agent: ['Allowed', 'ImplicitlyDenied'],
      node: ['Allowed', 'ImplicitlyDenied'],
      operator: ['Allowed', 'ImplicitlyDenied'],
      reader: ['Allowed', 'ImplicitlyDenied'],
      catalogue: ['Allowed', 'ImplicitlyDenied'],
    },
  );
});
