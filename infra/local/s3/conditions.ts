import { S3Error } from './errors.ts';

/** What a condition is about. */
interface Entity {
  readonly etag: string;
  readonly modifiedAt: Date;
}

export interface WriteConditions {
  readonly ifMatch?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
}

type Headers = Readonly<Record<string, string>>;

/**
 * Conditions on reading an object.
 * @throws S3Error `PreconditionFailed`, `NotModified`
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
 */
export function checkRead(headers: Headers, entity: Entity): void {
  const outcome = judge(headers, 'if-', entity);
  if (outcome === undefined) return;
  if (outcome === 'If-Match' || outcome === 'If-Unmodified-Since') throw failed(outcome);
  throw new S3Error('NotModified', 'Not Modified', {
    headers: { etag: `"${entity.etag}"`, 'last-modified': entity.modifiedAt.toUTCString() },
  });
}

/**
 * Conditions on the source of a copy.
 * @throws S3Error `PreconditionFailed`
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html
 */
export function checkCopySource(headers: Headers, entity: Entity): void {
  const outcome = judge(headers, 'x-amz-copy-source-if-', entity);
  if (outcome !== undefined) throw failed(`x-amz-copy-source-${outcome}`);
}

type Condition = 'If-Match' | 'If-None-Match' | 'If-Unmodified-Since' | 'If-Modified-Since';

/** The condition that does not hold. A condition on the etag outdoes its companion on the time. */
function judge(headers: Headers, prefix: string, { etag, modifiedAt }: Entity): Condition | undefined {
  const { match, noneMatch, unmodifiedSince, modifiedSince } = {
    match: headers[`${prefix}match`],
    noneMatch: headers[`${prefix}none-match`],
    unmodifiedSince: time(headers[`${prefix}unmodified-since`]),
    modifiedSince: time(headers[`${prefix}modified-since`]),
  };
  const modified = Math.floor(modifiedAt.getTime() / 1000) * 1000; // HTTP dates have no fractions
  if (match !== undefined) {
    if (!names(match, etag)) return 'If-Match';
  } else if (unmodifiedSince !== undefined && modified > unmodifiedSince) return 'If-Unmodified-Since';
  if (noneMatch !== undefined) {
    if (names(noneMatch, etag)) return 'If-None-Match';
  } else if (modifiedSince !== undefined && modified <= modifiedSince) return 'If-Modified-Since';
  return undefined;
}

/** The conditions of a request that writes. */
export function writeConditions(headers: Headers): WriteConditions {
  const ifNoneMatch = headers['if-none-match'];
  if (ifNoneMatch !== undefined && ifNoneMatch !== '*') {
    throw new S3Error('NotImplemented', 'If-None-Match on a write must be *');
  }
  return { ifMatch: headers['if-match'], ifNoneMatch };
}

/**
 * Conditions on replacing what a key holds.
 * @param current the latest version, if any
 * @throws S3Error `PreconditionFailed`, `NoSuchKey`
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
 */
export function checkWrite(
  { ifMatch, ifNoneMatch }: WriteConditions,
  current: (Entity & { readonly marker: boolean }) | undefined,
): void {
  const there = current !== undefined && !current.marker;
  if (ifNoneMatch !== undefined && there) throw failed('If-None-Match');
  if (ifMatch === undefined) return;
  if (!there) throw new S3Error('NoSuchKey', 'The specified key does not exist.');
  if (!names(ifMatch, current.etag)) throw failed('If-Match');
}

function names(list: string, etag: string): boolean {
  return list.split(',').some((item) => {
    const tag = item.trim();
    return tag === '*' || tag.replace(/^"(.*)"$/, '$1') === etag;
  });
}

function time(text: string | undefined): number | undefined {
  const ms = Date.parse(text ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}

function failed(condition: string): S3Error {
  return new S3Error('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold', {
    details: { Condition: condition },
  });
}
