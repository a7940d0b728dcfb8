import { posix } from 'node:path';
import type { ForeignMember } from '../archive/header-walk.ts';
import { invalidArchive, quoteName } from '../archive/refusal.ts';
import { MANIFEST_NAME } from '../sandbox-id.ts';
import { CONFIG_DUMP, SPEC_DUMP, STATUS_DUMP } from './engine-files.ts';
import { POD_DUMP, POD_OPTIONS } from './pod-files.ts';

/** Files that say what an archive is and whose. */
const TELLING: ReadonlySet<string> = new Set([
  ...[MANIFEST_NAME, POD_OPTIONS, POD_DUMP],
  ...[CONFIG_DUMP, SPEC_DUMP, STATUS_DUMP],
]);

/**
 * Watches that nobody who unpacks an archive finds another `config.dump` than who only looks at it: under a name that ends
 * up at the same place (`x/../config.dump`, `/config.dump`), or through a link. Other names may be anything.
 */
export class MemberNames {
  readonly #archive: string;
  readonly #links = new Set<string>();

  /** @param archive its name, for messages */
  constructor(archive: string) {
    this.#archive = archive;
  }

  /** @throws PodfreightError `invalid-archive` */
  check({ name, kind }: ForeignMember): void {
    const place = posix.join('/', name).slice(1);
    const file = posix.basename(place);
    if (TELLING.has(file) && place !== name) {
      throw invalidArchive(this.#archive, `ends up at ${quoteName(place)} where it is unpacked`, name);
    }
    if (kind === 'symlink') this.#links.add(place.replace(/\/$/, ''));
    for (let folder = posix.dirname(place); TELLING.has(file) && folder !== '.'; folder = posix.dirname(folder)) {
      if (this.#links.has(folder)) throw invalidArchive(this.#archive, 'lies behind a symbolic link', name);
    }
  }
}
