import { S3Error } from './errors.ts';
import type { Operation } from './operation.ts';
import { bucketOperations } from './operations/bucket.ts';
import { configurationOperations } from './operations/configuration.ts';
import { copyOperations } from './operations/copy.ts';
import { deleteOperations } from './operations/delete.ts';
import { legalHoldOperations } from './operations/legal-hold.ts';
import { listOperations } from './operations/list.ts';
import { objectOperations } from './operations/object.ts';
import { taggingOperations } from './operations/tagging.ts';
import { uploadOperations } from './operations/upload.ts';
import type { Target } from './request.ts';

/** The more a request must have to be an operation, the earlier it is tried. */
const OPERATIONS: readonly Operation[] = [
  ...bucketOperations,
  ...configurationOperations,
  ...listOperations,
  ...objectOperations,
  ...copyOperations,
  ...deleteOperations,
  ...legalHoldOperations,
  ...taggingOperations,
  ...uploadOperations,
].sort((a, b) => demands(b) - demands(a));

/** Query names that make a request something else altogether: better refused than taken for the plain operation. */
const SUB_RESOURCES = new Set([
  ...OPERATIONS.flatMap(({ query = [] }) => query.filter((item) => !item.includes('=') && item !== 'partNumber')),
  ...['accelerate', 'acl', 'analytics', 'intelligent-tiering', 'inventory', 'legal-hold', 'logging', 'metadataTable'],
  ...[
    'metrics',
    'object-lock',
    'policyStatus',
    'renameObject',
    'replication',
    'requestPayment',
    'restore',
    'retention',
  ],
  ...['select', 'session', 'torrent', 'website'],
]);

/**
 * Which operation a request is.
 * @throws S3Error `NotImplemented`, `MethodNotAllowed`
 */
export function route(method: string, target: Target, headers: Readonly<Record<string, string>>): Operation {
  const on = target.bucket === '' ? 'service' : target.key === '' ? 'bucket' : 'object';
  const found = OPERATIONS.find(
    (operation) =>
      operation.method === method &&
      operation.on === on &&
      (operation.header === undefined || headers[operation.header] !== undefined) &&
      (operation.query ?? []).every((item) => hasItem(target.query, item)),
  );
  const asked = [...target.query.keys()].filter((name) => SUB_RESOURCES.has(name));
  const other = asked.find((name) => !found?.query?.includes(name));
  if (other !== undefined) {
    throw new S3Error('NotImplemented', `This endpoint does not know ${method} with "${other}" on a ${on}`);
  }
  if (found === undefined) {
    throw new S3Error('MethodNotAllowed', 'The specified method is not allowed against this resource.');
  }
  return found;
}

function demands({ query = [], header }: Operation): number {
  return query.length + (header === undefined ? 0 : 1);
}

function hasItem(query: URLSearchParams, item: string): boolean {
  const [name = '', value] = item.split('=');
  return value === undefined ? query.has(name) : query.get(name) === value;
}
