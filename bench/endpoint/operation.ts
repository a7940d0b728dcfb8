export type Operation =
  | 'HeadBucket'
  | 'ListObjects'
  | 'GetObject'
  | 'HeadObject'
  | 'PutObject'
  | 'CreateMultipartUpload'
  | 'UploadPart'
  | 'CompleteMultipartUpload'
  | 'AbortMultipartUpload'
  | 'Unknown';

/**
 * What S3 calls the request.
 * @param name `bucket` or `bucket/key`
 */
export function operationOf(method: string, name: string, query: URLSearchParams): Operation {
  const isBucket = /^[^/]+\/?$/.test(name);
  const has = (parameter: string) => query.has(parameter);
  if (isBucket) return method === 'HEAD' ? 'HeadBucket' : method === 'GET' ? 'ListObjects' : 'Unknown';
  switch (method) {
    case 'GET':
      return 'GetObject';
    case 'HEAD':
      return 'HeadObject';
    case 'PUT':
      return has('uploadId') ? 'UploadPart' : 'PutObject';
    case 'POST':
      return has('uploads') ? 'CreateMultipartUpload' : has('uploadId') ? 'CompleteMultipartUpload' : 'Unknown';
    case 'DELETE':
      return has('uploadId') ? 'AbortMultipartUpload' : 'Unknown';
    default:
      return 'Unknown';
  }
}
