import type { ByteSource } from '../ports.ts';
import { type ByteRange, rangeLength } from '../range.ts';

/** A part of a source as a source of its own, such as one member of a plain tar. Closing it closes nothing. */
export function rangeSource(source: ByteSource, part: ByteRange, name: string): ByteSource {
  const sizeBytes = rangeLength(part);
  const shifted = ({ start, end }: ByteRange) => {
    if (start < 0 || end > sizeBytes) throw new RangeError(`[${start}, ${end}) is not within ${sizeBytes} bytes`);
    return { start: part.start + start, end: part.start + end };
  };
  return {
    name,
    sizeBytes,
    ...(source.pace && { pace: source.pace }),
    read: async (range, into) => source.read(shifted(range), into),
    stream: (range) => source.stream(shifted(range)),
    close: async () => {},
  };
}
