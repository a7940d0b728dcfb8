import { type ForeignMember, kindName } from '../archive/header-walk.ts';
import { invalidArchive } from '../archive/refusal.ts';
import type { MemberContent } from '../archive/tar-parts.ts';
import { JSON_BYTES_MAX } from '../manifest/json.ts';

/** Reads small files of an archive whole, each name once: of two files readers take the first or the last. */
export class OnceRead {
  readonly #archive: string;
  readonly #names = new Set<string>();

  /** @param archive its name, for messages */
  constructor(archive: string) {
    this.#archive = archive;
  }

  /** @throws PodfreightError `invalid-archive` when it is longer than `maxBytes`, and as {@link check} */
  async read(
    name: string,
    member: ForeignMember,
    content: MemberContent,
    maxBytes: number = JSON_BYTES_MAX,
  ): Promise<Buffer> {
    this.check(name, member);
    if (member.sizeBytes > maxBytes) throw invalidArchive(this.#archive, `is longer than ${maxBytes} bytes`, name);
    return await content.bytes();
  }

  /** @throws PodfreightError `invalid-archive` when it is no regular file, or the second of that name */
  check(name: string, { kind }: ForeignMember): void {
    if (kind !== 'file') throw invalidArchive(this.#archive, `is ${kindName(kind)}, not a regular file`, name);
    if (this.#names.has(name)) throw invalidArchive(this.#archive, 'is there twice', name);
    this.#names.add(name);
  }
}
