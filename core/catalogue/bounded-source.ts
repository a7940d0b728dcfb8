import { PodfreightError } from '../errors.ts';
import type { ObjectSource } from '../ports.ts';
import { type ByteRange, rangeLength } from '../range.ts';

/** An archive of ours takes two or three; a plain tar from elsewhere one for each member or so. */
const READS_MAX = 500;
/** The index and the manifest of 5,000 pods in a tebibyte take half of it. */
const BYTES_MAX = 16 * 1024 * 1024;

/**
 * The same object, of which no more is read than cataloguing may cost: a function has a minute for ten of them.
 * @throws PodfreightError `unsupported` from the read that goes beyond
 */
export function boundedSource(source: ObjectSource): ObjectSource {
  let reads = 0;
  let bytes = 0;
  const count = (range: ByteRange) => {
    reads += 1;
    bytes += rangeLength(range);
    if (reads <= READS_MAX && bytes <= BYTES_MAX) return;
    throw new PodfreightError(
      'unsupported',
      `The archive ${source.name} shows what is in it only after too much reading; push it with podfreight, which indexes it.`,
      { subject: { name: source.name } },
    );
  };
  const { name, sizeBytes, location, etag, modifiedAt, metadata } = source;
  return {
    ...{ name, sizeBytes, location, etag, modifiedAt, metadata },
    async read(range) {
      count(range);
      return await source.read(range);
    },
    async *stream(range) {
      count(range);
      yield* source.stream(range);
    },
    close: () => source.close(),
  };
}
