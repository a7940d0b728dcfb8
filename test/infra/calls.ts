import type { Call } from '../../infra/local/sessions.ts';

const INDEXES = ['subject', 'namespace', 'node', 'cluster', 'sandbox'].map(
  (name) => `dynamodb:Query table/index/${name}`,
);

/** Opening an object, as a whole or in a version, and being told when it is gone. */
const reads = (bucket: string) => [
  `s3:GetObject ${bucket}/*`,
  `s3:GetObjectVersion ${bucket}/*`,
  `s3:ListBucket ${bucket}`,
];

/** Writing once, in one piece or in parts, and going on with what was cut off. */
const writes = (bucket: string) => [
  ...reads(bucket),
  `s3:PutObject ${bucket}/*`,
  `s3:AbortMultipartUpload ${bucket}/*`,
  `s3:ListMultipartUploadParts ${bucket}/*`,
  `s3:ListBucketMultipartUploads ${bucket}`,
];

const PUSHES = [...writes('archives'), 'dynamodb:GetItem table'];
const PULLS = [...reads('archives'), ...reads('bundles'), ...INDEXES];

/** What becomes of an archive. */
const RECORDS = ['GetItem', 'Query', 'PutItem', 'BatchWriteItem'].map((verb) => `dynamodb:${verb} table`);

/**
 * Every call that is made in the name of a role, `<action> <on what>`. End-to-end runs hold it complete: one that makes
 * another call fails. access.test.ts holds it true: what stands here is what the policies allow, and all of it.
 */
export const CALLS: Readonly<Record<string, readonly string[]>> = {
  catalogue: [
    ...reads('archives'),
    'dynamodb:GetItem table',
    'dynamodb:Query table',
    'dynamodb:PutItem table',
    'dynamodb:BatchWriteItem table',
  ],
  'create-bundle': [
    ...reads('archives'),
    ...writes('bundles'),
    ...INDEXES,
    'dynamodb:GetItem table',
    'dynamodb:PutItem table',
  ],
  reconcile: [
    ...reads('archives'),
    ...reads('bundles'),
    's3:ListBucketVersions archives',
    's3:ListBucketVersions bundles',
    'dynamodb:GetItem table',
    'dynamodb:Query table',
    'dynamodb:Scan table',
    'dynamodb:PutItem table',
    'dynamodb:DeleteItem table',
    'dynamodb:BatchWriteItem table',
    'dynamodb:Query table/index/bucket',
    'dynamodb:Query table/index/sandbox',
  ],
  agent: PUSHES,
  node: PUSHES,
  reader: PULLS,
  retention: [...reads('archives'), ...RECORDS, ...INDEXES, 'dynamodb:Query table/index/bucket'],
  operator: [
    ...PULLS,
    ...RECORDS,
    'lambda:InvokeFunction create-bundle',
    's3:DeleteObject archives/*',
    's3:PutObjectLegalHold archives/*',
  ],
};

/** In whose name a command is meant to be run. */
export const ROLE_OF_COMMAND: Readonly<Record<string, string>> = {
  push: 'node',
  agent: 'node',
  list: 'reader',
  pull: 'reader',
  bundle: 'operator',
  rm: 'operator',
  hold: 'operator',
  unhold: 'operator',
  prune: 'operator',
};

/** What a resource of ours is, without names; undefined when it is none of ours. */
export function kindOf(resource: string): string | undefined {
  const object = /^arn:aws:s3:::podfreight-(archives|bundles)-[^/]+(\/)?/.exec(resource);
  if (object) return `${object[1]}${object[2] ? '/*' : ''}`;
  const table = /:table\/podfreight((?:\/index\/\w+)?)$/.exec(resource);
  if (table) return `table${table[1]}`;
  return /:function:podfreight-([\w-]+)$/.exec(resource)?.[1];
}

/** Which calls were made that nobody knew of. */
export class CallRecorder {
  readonly unknown = new Set<string>();
  /** All of those that count, by role. */
  readonly made = new Map<string, Set<string>>();

  note({ principal, action, resource }: Call): void {
    const role = principal.name in CALLS ? principal.name : ROLE_OF_COMMAND[principal.name.replace(/^podfreight /, '')];
    const kind = kindOf(resource);
    if (role === undefined || kind === undefined) return;
    const call = `${action} ${kind}`;
    this.made.set(role, (this.made.get(role) ?? new Set()).add(call));
    if (!CALLS[role]?.includes(call)) this.unknown.add(`${role}: ${call}`);
  }
}
