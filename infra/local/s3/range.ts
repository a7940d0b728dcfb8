import { S3Error } from './errors.ts';

/** Bytes `[start, end)`. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * A Range header on an object of `sizeBytes`: `bytes=a-b`, `bytes=a-` or `bytes=-n`. Undefined when there is none, or one
 * that HTTP says to ignore: several ranges, or no range at all.
 * @throws S3Error `InvalidRange` when no byte is in it
 * @see RFC 9110 section 14.2
 */
export function parseRange(header: string | undefined, sizeBytes: number): Range | undefined {
  const [match, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
  if (match === undefined || (first === '' && last === '')) return undefined;
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined;
  const range =
    first === ''
      ? { start: Math.max(0, sizeBytes - Number(last)), end: sizeBytes }
      : { start: Number(first), end: last === '' ? sizeBytes : Math.min(Number(last) + 1, sizeBytes) };
  if (range.start >= sizeBytes) {
    throw new S3Error('InvalidRange', 'The requested range is not satisfiable', {
      details: { RangeRequested: header ?? '', ActualObjectSize: sizeBytes },
    });
  }
  return range;
}

/**
 * A copy's source range: `bytes=a-b`, both there and within the source.
 * @throws S3Error `InvalidArgument`
 */
export function parseCopyRange(header: string | undefined, sizeBytes: number): Range {
  if (header === undefined) return { start: 0, end: sizeBytes };
  const [match, first, last] = /^bytes=(\d+)-(\d+)$/.exec(header) ?? [];
  const details = { ArgumentName: 'x-amz-copy-source-range', ArgumentValue: header };
  if (match === undefined) {
    throw new S3Error(
      'InvalidArgument',
      'The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy',
      { details },
    );
  }
  const range = { start: Number(first), end: Number(last) + 1 };
  if (range.start >= range.end || range.end > sizeBytes) {
    throw new S3Error('InvalidArgument', `Range specified is not valid for source object of size: ${sizeBytes}`, {
      details,
    });
  }
  return range;
}

/** `bytes a-b/size`, of an answer. */
export function contentRange({ start, end }: Range, sizeBytes: number): string {
  return `bytes ${start}-${end - 1}/${sizeBytes}`;
}
