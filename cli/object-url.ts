import { PodfreightError } from '../core/errors.ts';
import type { ObjectLocation } from '../core/ports.ts';

/**
 * `s3://bucket/key`, the key being all behind the second slash.
 * @returns undefined for anything that does not begin with `s3://`
 * @throws PodfreightError `usage` when there is no bucket or no key
 */
export function parseObjectUrl(text: string): ObjectLocation | undefined {
  if (!text.startsWith('s3://')) return undefined;
  const [, bucket, key] = /^s3:\/\/([^/]+)\/(.+)$/s.exec(text) ?? [];
  if (bucket !== undefined && key !== undefined) return { bucket, key };
  throw new PodfreightError('usage', `${JSON.stringify(text)} names no object; say s3://bucket/key.`);
}
