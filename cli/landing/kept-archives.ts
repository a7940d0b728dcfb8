import type { KeptContent } from '../../core/archive/member-reader.ts';
import { type ArchivePlace, archivePlaces } from '../../core/checkpoint/pod-tar.ts';
import type { Manifest } from '../../core/manifest/manifest.ts';
import type { ByteRange } from '../../core/range.ts';
import { podFileName } from '../../core/sandbox-id.ts';
import type { Partial } from '../partial.ts';
import { archivesOf } from './plan-archives.ts';

/**
 * What an earlier pull has left of container archives, as parts of the pods' files that are read: those that lie in one archive.
 * Where a pod's file is not as `planPodTar` makes it, nothing is found, and all is read again.
 */
export class KeptArchives implements KeptContent {
  readonly #partial: Partial;
  readonly #places: ReadonlyMap<string, readonly ArchivePlace[]>;

  private constructor(partial: Partial, places: ReadonlyMap<string, readonly ArchivePlace[]>) {
    this.#partial = partial;
    this.#places = places;
  }

  /** @param manifest of the pods, all made of container archives */
  static async of(partial: Partial, manifest: Manifest): Promise<KeptArchives> {
    const places = new Map<string, ArchivePlace[]>();
    for (const pod of manifest.pods ?? [])
      places.set(podFileName(pod.sandboxId), await archivePlaces(pod, archivesOf(pod)));
    return new KeptArchives(partial, places);
  }

  has(name: string, content: ByteRange): boolean {
    const part = this.#partOf(name, content);
    return part !== undefined && this.#partial.has(part.file, part.range);
  }

  async read(name: string, content: ByteRange): Promise<Buffer | undefined> {
    const part = this.#partOf(name, content);
    return part && (await this.#partial.read(part.file, part.range));
  }

  #partOf(name: string, { start, end }: ByteRange): ArchivePlace | undefined {
    const place = this.#places.get(name)?.find(({ range }) => range.start <= start && end <= range.end);
    if (place === undefined || start === end) return undefined;
    const offset = place.range.start;
    return { file: place.file, range: { start: start - offset, end: end - offset } };
  }
}
