import { createHash } from 'node:crypto';
import { Content } from '../archive/content.ts';
import { corruptArchive, invalidArchive, quoteName } from '../archive/refusal.ts';
import { type ByteStream, plainTarParts } from '../archive/tar-parts.ts';
import { archiveMemberName, archiveStem } from './archive-file-name.ts';
import type { ContainerRecord } from './container-records.ts';
import { OnceRead } from './once-read.ts';
import { POD_DUMP, POD_OPTIONS, type PodOptions, readPodDump, readPodOptions } from './pod-files.ts';

/** One container archive out of a pod's tar. */
export interface SplitArchive {
  /** As the manifest says, else as the pod's tar does. Safe as a file name. */
  readonly fileName: string;
  /** The container's name within the pod. */
  readonly container: string;
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
  /** The archive as it was: for one iteration, until the next archive is asked for. What is not read is checked all the same. */
  readonly data: AsyncIterable<Buffer>;
}

/**
 * Takes apart what `planPodTar` planned, strictly: `pod.options`, `pod.dump`, then just the archives that `pod.options` names,
 * in its order, and nothing behind the two zero blocks. Nothing counts before the iteration is over.
 * @param records what the manifest says of the archives: files, containers, sizes and digests have to agree with it
 * @throws PodfreightError `invalid-archive`, `corrupt-archive` for a wrong digest, and what the stream throws
 */
export async function* splitPodTar(
  tar: ByteStream,
  records?: readonly ContainerRecord[],
): AsyncGenerator<SplitArchive> {
  const files = new OnceRead(tar.name);
  const names = [POD_OPTIONS, POD_DUMP];
  let options: PodOptions | undefined;
  let position = 0;
  for await (const part of plainTarParts(tar)) {
    const name = names[position];
    if (part.kind === 'end') {
      if (name !== undefined) throw invalidArchive(tar.name, `it ends before ${quoteName(name)}`);
      if (part.extent.tailBytes > 0) throw invalidArchive(tar.name, 'something else follows its end');
      continue;
    }
    const { member, content } = part;
    if (member.rawName !== name || member.kind !== 'file') {
      const instead = name === undefined ? 'its end' : `the file ${quoteName(name)}`;
      throw invalidArchive(tar.name, `stands where ${instead} has to be`, member.rawName);
    }
    if (name === POD_OPTIONS) {
      options = readPodOptions(await files.read(name, member, content), tar.name);
      names.push(...archiveNames(options, records, tar.name));
    } else if (name === POD_DUMP) {
      readPodDump(await files.read(name, member, content), options!, tar.name);
    } else {
      const { name: container } = options!.containers[position - 2]!;
      const record = records?.[position - 2];
      const { sizeBytes, modifiedAt } = member;
      if (record !== undefined && record.sizeBytes !== sizeBytes) {
        throw invalidArchive(tar.name, `has ${sizeBytes} bytes instead of the manifest's ${record.sizeBytes}`, name);
      }
      const hash = createHash('sha256');
      const data = new Content(hashed(content.data(), hash));
      yield { fileName: record?.file ?? name, container, sizeBytes, modifiedAt, data: data.read() };
      await data.finish();
      if (record?.sha256 && record.sha256 !== hash.digest('hex')) {
        throw corruptArchive(tar.name, "does not have the manifest's SHA-256", name);
      }
    }
    position++;
  }
}

/** Which files have to follow. */
function archiveNames(
  { form, containers }: PodOptions,
  records: readonly ContainerRecord[] | undefined,
  archive: string,
): string[] {
  if (form !== 'map') throw invalidArchive(archive, 'is of another form than podfreight writes', POD_OPTIONS);
  const agrees = records?.every(({ file, container }, i) => {
    return containers[i]?.entry === archiveStem(file) && containers[i]?.name === container;
  });
  if (records !== undefined && (!agrees || records.length !== containers.length)) {
    throw invalidArchive(archive, 'names other archives than the manifest', POD_OPTIONS);
  }
  return containers.map(({ entry }) => {
    const name = archiveMemberName(entry);
    if (archiveStem(name) === entry) return name;
    throw invalidArchive(archive, `names the file ${quoteName(name)}, which is not allowed`, POD_OPTIONS);
  });
}

async function* hashed(data: AsyncIterable<Buffer>, hash: { update(bytes: Buffer): unknown }): AsyncGenerator<Buffer> {
  for await (const chunk of data) {
    hash.update(chunk);
    yield chunk;
  }
}
