import type { Context, SQSEvent } from 'aws-lambda';
import type { ObjectEvent } from '../../core/catalogue/object-event.ts';

// The functions' logs and metrics are for CloudWatch, not for the tests' output.
process.env.POWERTOOLS_LOG_LEVEL = 'SILENT';
process.env.POWERTOOLS_METRICS_DISABLED = 'true';
process.env.POWERTOOLS_METRICS_NAMESPACE = 'podfreight';

/** What Lambda gives a function beside the event. */
export function lambdaContext(remainingMs = 60_000): Context {
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: 'test',
    functionVersion: '1',
    invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:test',
    memoryLimitInMB: '512',
    awsRequestId: 'request-1',
    logGroupName: 'test',
    logStreamName: 'test',
    getRemainingTimeInMillis: () => remainingMs,
    done() {},
    fail() {},
    succeed() {},
  };
}

/** Messages `m0`, `m1`, … of these bodies, as a queue hands them over. */
export function sqsEvent(bodies: readonly string[]): SQSEvent {
  return {
    Records: bodies.map((body, i) => ({
      messageId: `m${i}`,
      receiptHandle: 'r',
      body,
      attributes: {
        ApproximateReceiveCount: '1',
        SentTimestamp: '0',
        SenderId: 's',
        ApproximateFirstReceiveTimestamp: '0',
      },
      messageAttributes: {},
      md5OfBody: '',
      eventSource: 'aws:sqs',
      eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:events',
      awsRegion: 'us-east-1',
    })),
  };
}

/** As S3 tells EventBridge, and the rule passes on. */
export function eventBridgeBody({ kind, bucket, key, versionId, sequencer, at }: ObjectEvent): string {
  return JSON.stringify({
    version: '0',
    id: '17793124-05d4-b198-2fde-7ededc63b103',
    'detail-type': kind === 'created' ? 'Object Created' : 'Object Deleted',
    source: 'aws.s3',
    account: '000000000000',
    time: at,
    region: 'us-east-1',
    resources: [`arn:aws:s3:::${bucket}`],
    detail: {
      version: '0',
      bucket: { name: bucket },
      object: { key, 'version-id': versionId, sequencer },
      'request-id': 'N4N7GDK58NMKJ12R',
      requester: '000000000000',
      reason: kind === 'created' ? 'PutObject' : 'DeleteObject',
      ...(kind === 'deleted' && { 'deletion-type': 'Delete Marker Created' }),
    },
  });
}
