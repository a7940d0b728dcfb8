import type { ByteStream } from '../archive/tar-parts.ts';
import type { ContainerRecord } from './container-records.ts';
import { splitPodTar } from './split-pod-tar.ts';

/**
 * The bytes of a pod's tar as they come, if they are what the manifest says: the same archives of the same containers, with
 * the same sizes and digests. Nothing counts before the iteration is over.
 * @param tar each chunk is good only until the next one is asked for; so are those given
 * @throws PodfreightError as {@link splitPodTar}
 */
export async function* checkedPodTar(tar: ByteStream, records: readonly ContainerRecord[]): AsyncGenerator<Buffer> {
  const passed: Buffer[] = [];
  const take = () => passed.splice(0);
  async function* passing(): AsyncGenerator<Buffer> {
    const chunks = tar.chunks[Symbol.asyncIterator]();
    try {
      for (;;) {
        const last = passed.pop(); // seldom: between archives several may pass
        if (last !== undefined) passed.push(Buffer.from(last));
        const { value, done } = await chunks.next();
        if (done) return;
        passed.push(value);
        yield value;
      }
    } finally {
      await chunks.return?.();
    }
  }
  for await (const { data } of splitPodTar({ name: tar.name, chunks: passing() }, records)) {
    yield* take(); // also where archives are empty, one after the other
    for await (const _ of data) yield* take();
  }
  yield* take();
}
