import { type Archive, openArchive } from '../core/archive/reader.ts';
import { type PodFile, writeArchive } from '../core/archive/writer.ts';
import type { PodsArchive } from '../core/bundle/pods-archive.ts';
import type { ObjectSource } from '../core/ports.ts';
import { sandboxIdOfFileName } from '../core/sandbox-id.ts';
import { formatBytes } from './bytes.ts';
import type { CommandContext } from './command.ts';
import { CopyingSource } from './copying-source.ts';
import { hashThread } from './hash-thread.ts';
import { reserve } from './landing/reserve.ts';
import { NewFile } from './new-file.ts';
import { ResumableFile } from './resumable-file.ts';

/**
 * Writes an archive's bytes to a file, which gets its name when it is whole, checked and on disk. Cut off, it goes on where
 * it was the next time.
 */
export async function downloadArchive(
  source: ObjectSource,
  path: string,
  { output, signal }: CommandContext,
): Promise<void> {
  const { name, etag, location, sizeBytes } = source;
  await using file = await ResumableFile.create(path, JSON.stringify([name, etag, location.versionId]));
  try {
    await reserve(file.data.path, sizeBytes);
    using progress = output.progress('Pulling', sizeBytes);
    const copying = new CopyingSource(source, file.data, (bytes) => progress.advance(bytes));
    await check(await openArchive(copying), signal);
    await copying.rest();
    await file.publish();
  } catch (error) {
    await file.fail(error);
    throw error;
  }
  output.result({ output: path, source: name, sizeBytes }, '');
  output.note(`${path}: ${formatBytes(sizeBytes)} from ${name}.`);
}

/** Reads everything, through the archive's own digests. */
async function check(archive: Archive, signal: AbortSignal): Promise<void> {
  for await (const { data } of archive.members(undefined, { fleeting: true, hashing: hashThread })) {
    for await (const _ of data) signal.throwIfAborted();
  }
}

/** Writes pods of several archives to one of their own, a file which gets its name when it is whole and on disk. */
export async function writePods(archive: PodsArchive, path: string, { output, signal }: CommandContext): Promise<void> {
  const { format, modifiedAt } = archive;
  const { manifest, bytes } = await archive.manifest();
  const layout = await archive.layout();
  await using file = await NewFile.create(path);
  let sizeBytes = 0;
  {
    using progress = output.progress(
      'Pulling',
      layout?.slice(1).reduce((sum, member) => sum + member.sizeBytes, 0),
    );
    const pods = podFiles(archive, (bytes) => progress.advance(bytes));
    const { stream } = writeArchive({ manifest: bytes, modifiedAt, pods, format });
    for await (const chunk of stream) {
      signal.throwIfAborted();
      await file.write(chunk);
      sizeBytes += chunk.length;
    }
  }
  await file.publish();
  const pods = (manifest.pods ?? []).map(({ sandboxId, namespace, name }) => ({ sandboxId, namespace, name }));
  output.result({ output: path, format, sizeBytes, pods }, '');
  output.note(`${path}: ${pods.length} ${pods.length === 1 ? 'pod' : 'pods'} (${formatBytes(sizeBytes)}).`);
}

async function* podFiles(archive: PodsArchive, onRead: (bytes: number) => void): AsyncGenerator<PodFile> {
  for await (const { member, data } of archive.members()) {
    const read = async function* () {
      for await (const chunk of data) {
        yield chunk;
        onRead(chunk.length);
      }
    };
    yield { ...member, sandboxId: sandboxIdOfFileName(member.name)!, read };
  }
}
