const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const BLOCK_BYTES = 512;
const MAX_PARTS = 10_000;
/** Tars of nearly the same size: how many parts it takes hangs on what its size can be divided by. */
const TRIED = 256;

/**
 * What amazon-s3-tar-tool takes for as many objects of 5 MiB or more: 5N + P + 13 requests, and every byte copied three
 * times. P is the greatest number of equal parts from 5 MiB to 5 GiB that the tar can be cut into.
 * @see https://github.com/awslabs/amazon-s3-tar-tool, s3tar.go and concat.go as of 7be23f7
 */
export function s3tarArithmetic(objects: number, bytes: number): string {
  const fixed = 5 * objects + 13;
  if (bytes / objects < 5 * MIB)
    return `s3tar takes objects below 5 MiB one by one, in 8 requests each: ${8 * objects}.`;
  const blocks = Math.ceil(bytes / BLOCK_BYTES);
  const requests = Array.from({ length: TRIED }, (_, i) => fixed + partsOf((blocks + i) * BLOCK_BYTES)).sort(
    (a, b) => a - b,
  );
  const range = `${requests[0]} to ${requests.at(-1)}, in the middle ${requests[TRIED / 2]}`;
  return `s3tar by its own arithmetic, 5N + P + 13: ${range} requests, depending on what the size divides by; ${((3 * bytes) / GIB).toFixed(1)} GiB copied, 10 MiB sent.`;
}

function partsOf(bytes: number): number {
  const most = Math.min(MAX_PARTS, Math.floor(bytes / (5 * MIB)));
  for (let parts = most; parts > 1; parts--) if (bytes % parts === 0 && bytes / parts <= 5 * GIB) return parts;
  return 1;
}
