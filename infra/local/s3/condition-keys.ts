/** Operations that make an object appear. @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html */
const CREATING = ['PutObject', 'CopyObject', 'CompleteMultipartUpload'];
/** Those that are allowed as `s3:PutObject`, too, and do not. */
const PREPARING = ['CreateMultipartUpload', 'UploadPart', 'UploadPartCopy'];

/** Condition keys that are headers of the same name. */
const HEADERS = [
  'x-amz-server-side-encryption',
  'x-amz-server-side-encryption-aws-kms-key-id',
  'x-amz-server-side-encryption-customer-algorithm',
];

/**
 * IAM's condition keys of a request: those that policies of ours look at.
 * @see https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
 */
export function conditionKeys(
  operation: string,
  headers: Readonly<Record<string, string | undefined>>,
  query: URLSearchParams,
): Record<string, string> {
  const keys: Record<string, string> = {};
  const set = (name: string, value: string | null | undefined) => {
    if (value !== undefined && value !== null) keys[`s3:${name}`] = value;
  };
  if (CREATING.includes(operation)) set('ObjectCreationOperation', 'true');
  if (PREPARING.includes(operation)) set('ObjectCreationOperation', 'false');
  set('if-none-match', headers['if-none-match']);
  for (const name of HEADERS) set(name, headers[name]);
  if (operation.startsWith('List')) set('prefix', query.get('prefix'));
  return keys;
}
