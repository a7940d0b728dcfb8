import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { authenticate, type SignedMessage } from '../../../../infra/local/s3/signature.ts';

/*
 * The examples of Amazon's documentation, with its example credentials:
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html (and sigv4-query-string-auth,
 * sigv4-streaming, sigv4-streaming-trailers)
 */
const credentials = { AKIAIOSFODNN7EXAMPLE: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };
const EXAMPLE = { credentials, region: 'us-east-1', now: new Date('2013-05-24T00:05:00Z') };
const EMPTY = createHash('sha256').digest('hex');
const SCOPE = 'AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request';

function signed(
  { method = 'GET', url, headers }: Partial<SignedMessage> & { url: string; headers: Record<string, string> },
  signature: string,
): SignedMessage {
  const all = { 'x-amz-date': '20130524T000000Z', ...headers };
  const names = Object.keys(all).sort().join(';');
  const authorization = `AWS4-HMAC-SHA256 Credential=${SCOPE},SignedHeaders=${names},Signature=${signature}`;
  return { method, url, headers: { ...all, authorization } };
}

const host = 'examplebucket.s3.amazonaws.com';

const getObject = signed(
  { url: '/test.txt', headers: { host, range: 'bytes=0-9', 'x-amz-content-sha256': EMPTY } },
  'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
);

const presigned: SignedMessage = {
  method: 'GET',
  url:
    `/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${encodeURIComponent(SCOPE)}` +
    '&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host' +
    '&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
  headers: { host },
};

test('GET with the Authorization header', () => {
  const sender = authenticate(getObject, EXAMPLE);
  assert.deepEqual([sender.accessKeyId, sender.presigned, sender.payloadHash], ['AKIAIOSFODNN7EXAMPLE', false, EMPTY]);
});

test('GET with a query and with an empty one', () => {
  const headers = { host, 'x-amz-content-sha256': EMPTY };
  authenticate(
    signed(
      { url: '/?max-keys=2&prefix=J', headers },
      '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
    ),
    EXAMPLE,
  );
  authenticate(
    signed({ url: '/?lifecycle', headers }, 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543'),
    EXAMPLE,
  );
});

test('a presigned URL', () => {
  const sender = authenticate(presigned, EXAMPLE);
  assert.deepEqual([sender.presigned, sender.payloadHash], [true, 'UNSIGNED-PAYLOAD']);
});

test('the chain of signed chunks', () => {
  const message = signed(
    {
      method: 'PUT',
      url: '/examplebucket/chunkObject.txt',
      headers: {
        host: 's3.amazonaws.com',
        'x-amz-storage-class': 'REDUCED_REDUNDANCY',
        'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
        'content-encoding': 'aws-chunked',
        'x-amz-decoded-content-length': '66560',
        'content-length': '66824',
      },
    },
    '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9',
  );
  const { chain } = authenticate(message, EXAMPLE);
  chain.checkChunk('ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648', sha256('a'.repeat(65536)));
  chain.checkChunk('0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497', sha256('a'.repeat(1024)));
  const last = 'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9';
  assert.throws(() => chain.checkChunk(last, sha256('b')), { code: 'SignatureDoesNotMatch' });
  chain.checkChunk(last, EMPTY);
});

test('the chain of signed chunks with a signed trailer', () => {
  const message = signed(
    {
      method: 'PUT',
      url: '/examplebucket/chunkObject.txt',
      headers: {
        host: 's3.amazonaws.com',
        'x-amz-storage-class': 'REDUCED_REDUNDANCY',
        'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
        'content-encoding': 'aws-chunked',
        'x-amz-decoded-content-length': '66560',
        'x-amz-trailer': 'x-amz-checksum-crc32c',
      },
    },
    '106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e',
  );
  const { chain } = authenticate(message, EXAMPLE);
  chain.checkChunk('b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2', sha256('a'.repeat(65536)));
  chain.checkChunk('1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7', sha256('a'.repeat(1024)));
  chain.checkChunk('2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992', EMPTY);
  const last = 'd81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435';
  assert.throws(() => chain.checkTrailer(last, 'x-amz-checksum-crc32c:AAAAAA==\n'), { code: 'SignatureDoesNotMatch' });
  chain.checkTrailer(last, 'x-amz-checksum-crc32c:sOO8/Q==\n');
});

const without = (name: string) => {
  const { [name]: _, ...headers } = getObject.headers;
  return { ...getObject, headers };
};

for (const [what, message, context, code] of [
  ['another path', { ...getObject, url: '/test.txt2' }, {}, 'SignatureDoesNotMatch'],
  ['another method', { ...getObject, method: 'PUT' }, {}, 'SignatureDoesNotMatch'],
  ['another query', { ...getObject, url: '/test.txt?acl' }, {}, 'SignatureDoesNotMatch'],
  [
    'a changed header',
    { ...getObject, headers: { ...getObject.headers, range: 'bytes=0-10' } },
    {},
    'SignatureDoesNotMatch',
  ],
  ['an unsigned header', { ...getObject, headers: { ...getObject.headers, 'x-amz-acl': 'x' } }, {}, 'AccessDenied'],
  ['no signature', without('authorization'), {}, 'AccessDenied'],
  ['no payload hash', without('x-amz-content-sha256'), {}, 'InvalidRequest'],
  ['no date', without('x-amz-date'), {}, 'AccessDenied'],
  [
    'an Authorization of another kind',
    { ...getObject, headers: { ...getObject.headers, authorization: 'AWS x:y' } },
    {},
    'AuthorizationHeaderMalformed',
  ],
  ['another secret', getObject, { credentials: { AKIAIOSFODNN7EXAMPLE: 'x' } }, 'SignatureDoesNotMatch'],
  ['an unknown key', getObject, { credentials: {} }, 'InvalidAccessKeyId'],
  ['another region', getObject, { region: 'eu-west-1' }, 'AuthorizationHeaderMalformed'],
  ['a clock 16 minutes on', getObject, { now: new Date('2013-05-24T00:16:00Z') }, 'RequestTimeTooSkewed'],
  ['a clock 16 minutes back', getObject, { now: new Date('2013-05-23T23:44:00Z') }, 'RequestTimeTooSkewed'],
  ['an expired URL', presigned, { now: new Date('2013-05-25T00:00:01Z') }, 'AccessDenied'],
  ['a URL for another key', { ...presigned, url: presigned.url.replace('test', 'tent') }, {}, 'SignatureDoesNotMatch'],
  [
    'a URL that lives longer',
    { ...presigned, url: presigned.url.replace('86400', '86401') },
    {},
    'SignatureDoesNotMatch',
  ],
  [
    'a URL without expiry',
    { ...presigned, url: presigned.url.replace('X-Amz-Expires=86400&', '') },
    {},
    'AuthorizationQueryParametersError',
  ],
  [
    'a URL for too long',
    { ...presigned, url: presigned.url.replace('86400', '604801') },
    {},
    'AuthorizationQueryParametersError',
  ],
  [
    'a URL without a date',
    { ...presigned, url: presigned.url.replace('X-Amz-Date', 'Date') },
    {},
    'AuthorizationQueryParametersError',
  ],
] as const) {
  test(`refuses ${what}`, () => {
    assert.throws(() => authenticate(message, { ...EXAMPLE, ...context }), { code });
  });
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
