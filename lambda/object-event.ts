import type { ObjectEvent } from '../core/catalogue/object-event.ts';
import { isSequencer } from '../core/catalogue/sequencer.ts';
import { PodfreightError } from '../core/errors.ts';

const KINDS = new Map([
  ['Object Created', 'created'],
  ['Object Deleted', 'deleted'],
] as const);

/**
 * The EventBridge event of S3 in an SQS message.
 * @throws PodfreightError `usage` when it is none about an object that came or went
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
 */
export function parseObjectEvent(body: string): ObjectEvent {
  const { source, 'detail-type': type, time, detail } = asFields(parseJson(body));
  const { bucket, object } = asFields(detail);
  const { name } = asFields(bucket);
  const { key, 'version-id': versionId, sequencer } = asFields(object);
  const kind = KINDS.get(type as 'Object Created');
  if (
    source !== 'aws.s3' ||
    kind === undefined ||
    !isText(name) ||
    !isText(key) ||
    !isText(sequencer) ||
    !isSequencer(sequencer) ||
    !isText(time) ||
    Number.isNaN(Date.parse(time))
  ) {
    throw new PodfreightError('usage', 'The message is no event of S3 about an object that came or went.');
  }
  return { kind, bucket: name, key, sequencer, at: time, ...(isText(versionId) && { versionId }) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function asFields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
