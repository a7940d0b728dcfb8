import type { KeptContent } from '../../core/archive/member-reader.ts';
import type { Archive } from '../../core/archive/reader.ts';
import { checkedPodTar } from '../../core/checkpoint/checked-pod-tar.ts';
import { containerRecords } from '../../core/checkpoint/container-records.ts';
import { splitPodTar } from '../../core/checkpoint/split-pod-tar.ts';
import type { Manifest } from '../../core/manifest/manifest.ts';
import { podFileName } from '../../core/sandbox-id.ts';
import { hashThread } from '../hash-thread.ts';
import type { Form } from './form.ts';
import { archivesOf } from './plan-archives.ts';

/** A file that is to land, on its way: each chunk is good until the next is asked for, and all is to be read. */
export interface ArrivingFile {
  /** In the target. */
  readonly name: string;
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
  /** Of the data, where whoever gives them checks it. */
  readonly sha256: string | undefined;
  readonly data: AsyncIterable<Buffer>;
}

interface Arriving {
  readonly form: Form;
  /** Just of the pods that are to land. */
  readonly arriving: Manifest;
  readonly kept?: KeptContent | undefined;
  readonly signal: AbortSignal;
  /** So many more bytes of the chosen pods were read. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/**
 * The files of the pods that are to land, in one pass; without an index the whole archive is read, and so all of it checked.
 * What the manifest says of container archives is checked in either form. Nothing counts before the pass is over.
 * @throws PodfreightError as {@link Archive}, {@link splitPodTar}, and the signal's reason
 */
export async function* arrivingFiles(
  archive: Archive,
  { form, arriving, kept, signal, onBytes }: Arriving,
): AsyncGenerator<ArrivingFile> {
  const pods = new Map((arriving.pods ?? []).map((pod) => [podFileName(pod.sandboxId), pod]));
  const chosen = new Set(pods.keys());
  const options = { fleeting: true, kept, hashing: hashThread };
  for await (const { member, data, sha256 } of archive.members(archive.index && chosen, options)) {
    const pod = pods.get(member.name);
    const chunks = watched(data, signal, pod && onBytes);
    const tar = { name: `${archive.name}: ${member.name}`, chunks };
    if (pod === undefined) for await (const _ of chunks);
    else if (form === 'containers') {
      const records = archivesOf(pod);
      const digests = new Map(records.map((record) => [record.file, record.sha256]));
      for await (const { fileName, sizeBytes, modifiedAt, data } of splitPodTar(tar, records)) {
        yield { name: fileName, sizeBytes, modifiedAt, sha256: digests.get(fileName) || undefined, data };
      }
    } else {
      const records = containerRecords(pod);
      yield { ...member, sha256, data: records === undefined ? chunks : checkedPodTar(tar, records) };
    }
  }
}

async function* watched(data: AsyncIterable<Buffer>, signal: AbortSignal, onBytes?: (bytes: number) => void) {
  for await (const chunk of data) {
    signal.throwIfAborted();
    yield chunk;
    onBytes?.(chunk.length);
  }
  signal.throwIfAborted();
}
