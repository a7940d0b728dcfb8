import { S3Error } from './errors.ts';
import type { Attributes } from './objects.ts';
import type { Payload } from './payload.ts';

/** What a request is about, by its path alone. */
export interface Target {
  /** Empty: the service itself. */
  readonly bucket: string;
  /** Empty: the bucket itself. */
  readonly key: string;
  readonly query: URLSearchParams;
}

/** Asked before a request does anything; false is answered with AccessDenied. */
export type Authorize = (question: {
  readonly accessKeyId: string;
  /** As in IAM: `s3:GetObject`. */
  readonly action: string;
  /** An ARN, or `*`. */
  readonly resource: string;
  /** IAM's condition keys of the request: condition-keys.ts. */
  readonly conditions: Readonly<Record<string, string>>;
}) => boolean | Promise<boolean>;

const MAX_KEY_BYTES = 1024;
const MAX_METADATA_BYTES = 2048;
const MAX_TAGS = 10;

/**
 * Path style only: `/bucket/key`. The path is taken as it is, so `..` and `//` stay parts of the key.
 * @throws S3Error `InvalidURI`, `KeyTooLongError`
 */
export function parseTarget(url: string): Target {
  const [path = '/', query = ''] = url.split('?');
  let decoded: string;
  try {
    decoded = decodeURIComponent(path).slice(1);
  } catch (cause) {
    if (cause instanceof URIError) throw new S3Error('InvalidURI', "Couldn't parse the specified URI.");
    throw cause;
  }
  const slash = decoded.indexOf('/');
  const bucket = slash < 0 ? decoded : decoded.slice(0, slash);
  const key = slash < 0 ? '' : decoded.slice(slash + 1);
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) {
    throw new S3Error('KeyTooLongError', 'Your key is too long', { details: { MaxSizeAllowed: MAX_KEY_BYTES } });
  }
  return { bucket, key, query: new URLSearchParams(query) };
}

/** A request whose sender is known. */
export class S3Request {
  readonly id: string;
  readonly bucket: string;
  readonly key: string;
  readonly query: URLSearchParams;
  /** Names in lower case; those that a presigned URL carries in its query are here too. */
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: Payload;
  readonly #may: (action: string, resource: string) => Promise<boolean>;

  constructor(
    head: { id: string; target: Target; headers: Readonly<Record<string, string>> },
    payload: Payload,
    may: (action: string, resource: string) => Promise<boolean>,
  ) {
    this.id = head.id;
    this.bucket = head.target.bucket;
    this.key = head.target.key;
    this.query = head.target.query;
    this.headers = head.headers;
    this.payload = payload;
    this.#may = may;
  }

  get bucketArn(): string {
    return `arn:aws:s3:::${this.bucket}`;
  }

  get objectArn(): string {
    return objectArn(this.bucket, this.key);
  }

  get versionId(): string | undefined {
    return this.query.get('versionId') ?? undefined;
  }

  /** @throws S3Error `AccessDenied` */
  async allow(action: string, resource: string): Promise<void> {
    if (!(await this.#may(action, resource))) throw accessDenied(action, resource);
  }

  /**
   * What to say of an object that is not there: only who may list the bucket learns that.
   * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html ("Permissions")
   */
  async notFound(bucket: string, error: S3Error): Promise<S3Error> {
    const arn = `arn:aws:s3:::${bucket}`;
    return (await this.#may('s3:ListBucket', arn)) ? error : accessDenied('s3:ListBucket', arn);
  }

  /** A whole number in the query. @throws S3Error `InvalidArgument` when it is none, or not within `[min, max]` */
  number(name: string, { min = 0, max }: { min?: number; max: number }): number | undefined {
    const text = this.query.get(name);
    if (text === null) return undefined;
    const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) {
      throw new S3Error('InvalidArgument', `${name} must be an integer between ${min} and ${max}, inclusive`, {
        details: { ArgumentName: name, ArgumentValue: text },
      });
    }
    return value;
  }
}

export function objectArn(bucket: string, key: string): string {
  return `arn:aws:s3:::${bucket}/${key}`;
}

function accessDenied(action: string, resource: string): S3Error {
  return new S3Error('AccessDenied', `Not authorized to perform ${action} on ${resource}`);
}

const KEPT_HEADERS = [
  'content-type',
  'cache-control',
  'content-disposition',
  'content-language',
  'expires',
  'x-amz-storage-class',
];

/**
 * What the headers of a new object ask to keep with it.
 * @throws S3Error `MetadataTooLarge`, `InvalidTag`, `NotImplemented` for customer keys, as nothing is encrypted here
 */
export function readAttributes(headers: Readonly<Record<string, string>>): Attributes {
  if (headers['x-amz-server-side-encryption-customer-algorithm'] !== undefined) {
    throw new S3Error('NotImplemented', 'This endpoint does not encrypt: it takes no customer keys');
  }
  const kept: Record<string, string> = { 'content-type': 'binary/octet-stream' };
  for (const name of KEPT_HEADERS) if (headers[name]) kept[name] = headers[name];
  if (kept['x-amz-storage-class'] === 'STANDARD') delete kept['x-amz-storage-class'];
  const encodings = (headers['content-encoding'] ?? '').split(',').map((encoding) => encoding.trim());
  const encoding = encodings.filter((name) => name !== '' && name !== 'aws-chunked').join(',');
  if (encoding !== '') kept['content-encoding'] = encoding;
  let metadataBytes = 0;
  for (const [name, value] of Object.entries(headers)) {
    if (!name.startsWith('x-amz-meta-')) continue;
    kept[name] = value;
    metadataBytes += name.length - 'x-amz-meta-'.length + value.length;
  }
  if (metadataBytes > MAX_METADATA_BYTES) {
    throw new S3Error('MetadataTooLarge', 'Your metadata headers exceed the maximum allowed metadata size', {
      details: { MaxSizeAllowed: MAX_METADATA_BYTES },
    });
  }
  return { headers: kept, tags: checkTags([...new URLSearchParams(headers['x-amz-tagging'] ?? '')]) };
}

/** @throws S3Error `InvalidTag` */
export function checkTags(tags: readonly (readonly [string, string])[]): Attributes['tags'] {
  if (tags.length > MAX_TAGS) throw new S3Error('InvalidTag', `Object tags cannot be greater than ${MAX_TAGS}`);
  if (new Set(tags.map(([name]) => name)).size < tags.length) {
    throw new S3Error('InvalidTag', 'Cannot provide multiple Tags with the same key');
  }
  for (const [name, value] of tags) {
    if (name.length < 1 || name.length > 128)
      throw new S3Error('InvalidTag', 'The TagKey you have provided is invalid');
    if (value.length > 256) throw new S3Error('InvalidTag', 'The TagValue you have provided is invalid');
  }
  return tags;
}
