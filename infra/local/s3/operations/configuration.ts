import type { Bucket, Buckets } from '../buckets.ts';
import { S3Error, type S3ErrorCode } from '../errors.ts';
import { emptyResponse, type Operation, xmlResponse } from '../operation.ts';
import { parseXml, type XmlElement } from '../xml.ts';

/** A document that a bucket keeps: checked to be well-formed, stored, given back as it came. */
interface Configuration {
  /** In the query, and in the store. */
  readonly name: string;
  /** What the operations are called behind Get, Put and Delete. */
  readonly noun: string;
  /** What the IAM actions are called behind Get and Put. */
  readonly action?: string;
  /** The XML document's outermost element; a policy is JSON. */
  readonly root?: string;
  /** Answered when there is none; without it, an empty document. */
  readonly missing?: S3ErrorCode;
  readonly deletable?: boolean;
  /** What the endpoint itself does with it, before it is stored. */
  readonly apply?: (bucket: Bucket, document: XmlElement, buckets: Buckets) => void;
}

const CONFIGURATIONS: readonly Configuration[] = [
  { name: 'versioning', noun: 'BucketVersioning', root: 'VersioningConfiguration', apply: applyVersioning },
  {
    name: 'notification',
    noun: 'BucketNotificationConfiguration',
    action: 'BucketNotification',
    root: 'NotificationConfiguration',
    apply: ({ name }, document, buckets) =>
      buckets.setEventBridge(name, document.all('EventBridgeConfiguration').length > 0),
  },
  {
    name: 'lifecycle',
    noun: 'BucketLifecycleConfiguration',
    action: 'LifecycleConfiguration',
    root: 'LifecycleConfiguration',
    missing: 'NoSuchLifecycleConfiguration',
    deletable: true,
  },
  { name: 'policy', noun: 'BucketPolicy', missing: 'NoSuchBucketPolicy', deletable: true },
  {
    name: 'encryption',
    noun: 'BucketEncryption',
    action: 'EncryptionConfiguration',
    root: 'ServerSideEncryptionConfiguration',
    missing: 'ServerSideEncryptionConfigurationNotFoundError',
    deletable: true,
  },
  {
    name: 'publicAccessBlock',
    noun: 'PublicAccessBlock',
    action: 'BucketPublicAccessBlock',
    root: 'PublicAccessBlockConfiguration',
    missing: 'NoSuchPublicAccessBlockConfiguration',
    deletable: true,
  },
  {
    name: 'ownershipControls',
    noun: 'BucketOwnershipControls',
    root: 'OwnershipControls',
    missing: 'OwnershipControlsNotFoundError',
    deletable: true,
  },
  {
    name: 'object-lock',
    noun: 'ObjectLockConfiguration',
    action: 'BucketObjectLockConfiguration',
    root: 'ObjectLockConfiguration',
    missing: 'ObjectLockConfigurationNotFoundError',
  },
  { name: 'tagging', noun: 'BucketTagging', root: 'Tagging', missing: 'NoSuchTagSet', deletable: true },
  {
    name: 'cors',
    noun: 'BucketCors',
    action: 'BucketCORS',
    root: 'CORSConfiguration',
    missing: 'NoSuchCORSConfiguration',
    deletable: true,
  },
];

function applyVersioning(bucket: Bucket, document: XmlElement, buckets: Buckets): void {
  const status = document.get('Status');
  if (status !== 'Enabled' && status !== 'Suspended') {
    throw new S3Error(
      'IllegalVersioningConfigurationException',
      'The Versioning element must be specified as Enabled or Suspended',
    );
  }
  buckets.setVersioning(bucket.name, status);
}

function operationsOf(configuration: Configuration): Operation[] {
  const { name, noun, action = noun, root, missing, deletable, apply } = configuration;
  const shared = { on: 'bucket', query: [name] } as const;
  const get: Operation = {
    ...shared,
    name: `Get${noun}`,
    method: 'GET',
    run: async (request, { buckets }) => {
      await request.allow(`s3:Get${action}`, request.bucketArn);
      buckets.get(request.bucket);
      const document = buckets.configuration(request.bucket, name);
      if (document === undefined && missing !== undefined) {
        throw new S3Error(missing, `The bucket has no ${name} configuration`, {
          details: { BucketName: request.bucket },
        });
      }
      if (document === undefined) return xmlResponse(root ?? '', {});
      const type = root === undefined ? 'application/json' : 'application/xml';
      return { status: 200, headers: { 'content-type': type }, body: document };
    },
  };
  const put: Operation = {
    ...shared,
    name: `Put${noun}`,
    method: 'PUT',
    run: async (request, { buckets, database }) => {
      await request.allow(`s3:Put${action}`, request.bucketArn);
      const text = await request.payload.text();
      database.transaction(() => {
        const bucket = buckets.get(request.bucket);
        if (root === undefined) checkJson(text);
        else {
          const document = parseXml(text, root);
          apply?.(bucket, document, buckets);
        }
        buckets.configure(request.bucket, name, text);
      });
      return emptyResponse(root === undefined ? 204 : 200);
    },
  };
  const remove: Operation = {
    ...shared,
    name: `Delete${noun === 'BucketLifecycleConfiguration' ? 'BucketLifecycle' : noun}`,
    method: 'DELETE',
    run: async (request, { buckets }) => {
      const verb = name === 'policy' ? 'Delete' : 'Put';
      await request.allow(`s3:${verb}${action}`, request.bucketArn);
      buckets.get(request.bucket);
      buckets.configure(request.bucket, name, undefined);
      return emptyResponse(204);
    },
  };
  return deletable ? [get, put, remove] : [get, put];
}

function checkJson(text: string): void {
  try {
    JSON.parse(text);
  } catch {
    throw new S3Error('MalformedPolicy', 'Policies must be valid JSON');
  }
}

export const configurationOperations: readonly Operation[] = CONFIGURATIONS.flatMap(operationsOf);
