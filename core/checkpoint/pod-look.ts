import type { ForeignMember } from '../archive/header-walk.ts';
import { invalidArchive, quoteName } from '../archive/refusal.ts';
import type { ByteInput, MemberContent, TarExtent } from '../archive/tar-parts.ts';
import { isPodfreightError } from '../errors.ts';
import { quoteText } from '../manifest/quote.ts';
import type { ByteRange } from '../range.ts';
import { type ContainerCheckpoint, ContainerLook, type LookOptions } from './container-look.ts';
import { OnceRead } from './once-read.ts';
import {
  CONTAINERS_MAX,
  POD_DUMP,
  POD_OPTIONS,
  type PodEntry,
  type PodIdentity,
  readPodDump,
  readPodOptions,
} from './pod-files.ts';

/** The archive of one pod: `pod.options`, `pod.dump`, and for each container an archive or a directory. */
export interface PodArchive extends PodIdentity, TarExtent {
  /** As the source calls it. */
  readonly name: string;
  /** As in `PodOptions`. */
  readonly form: 'list' | 'map';
  /** In the order of `pod.options`. */
  readonly containers: readonly PodContainer[];
}

export interface PodContainer extends PodEntry {
  readonly checkpoint: ContainerCheckpoint;
  /** Where its archive lies in the pod's tar; undefined for a directory. */
  readonly archive: (TarExtent & { readonly range: ByteRange }) | undefined;
}

/** A container archive in another archive. */
export interface InnerArchive {
  readonly checkpoint: ContainerCheckpoint;
  readonly extent: TarExtent;
}

/** At the root of a container archive. */
const NO_CONTAINER: ReadonlySet<string> = new Set(['rootfs-diff.tar', 'devshm-checkpoint.tar']);

const ARCHIVE = /^([^/]+)\.tar$/;
const IN_DIRECTORY = /^([^/]+)\/(.*)$/;

/** What something that may be a container turned out to be, or why it is none. */
type Outcome<T> = { readonly value: T } | { readonly error: Error };

/**
 * Gathers what the members of a pod's archive tell, as they come. Only `pod.options` says which of them are containers, and
 * it may come last: so whatever may be one is looked at, and what was wrong with it matters only if it is named there.
 */
export class PodLook {
  readonly #archive: string;
  readonly #lookInside: (input: ByteInput) => Promise<InnerArchive>;
  readonly #options: LookOptions;
  readonly #files: OnceRead;
  readonly #archives = new Map<string, Outcome<Omit<PodContainer, keyof PodEntry>>>();
  readonly #directories = new Map<string, Outcome<ContainerLook>>();
  #podOptions: Buffer | undefined;
  #podDump: Buffer | undefined;

  /**
   * @param archive its name, for messages
   * @param lookInside looks at a container archive within
   */
  constructor(archive: string, lookInside: (input: ByteInput) => Promise<InnerArchive>, options: LookOptions) {
    this.#archive = archive;
    this.#lookInside = lookInside;
    this.#options = options;
    this.#files = new OnceRead(archive);
  }

  /** @throws PodfreightError `invalid-archive`, and what `content` throws */
  async see(member: ForeignMember, content: MemberContent): Promise<void> {
    const { name, kind } = member;
    const [, entry] = ARCHIVE.exec(name) ?? [];
    const [, directory, file] = IN_DIRECTORY.exec(name) ?? [];
    if (name === POD_OPTIONS) this.#podOptions = await this.#files.read(name, member, content);
    else if (name === POD_DUMP) this.#podDump = await this.#files.read(name, member, content);
    else if (this.#archives.size + this.#directories.size > 2 * CONTAINERS_MAX) return;
    else if (entry !== undefined && kind === 'file' && !NO_CONTAINER.has(name)) {
      await this.#lookAtArchive(entry, member, content);
    } else if (directory !== undefined && file) await this.#lookIntoDirectory(directory, file, member, content);
  }

  /** When all members were seen. @throws PodfreightError `invalid-archive` */
  finish(extent: TarExtent): PodArchive {
    if (this.#podOptions === undefined) throw invalidArchive(this.#archive, `it has no ${POD_OPTIONS}`);
    if (this.#podDump === undefined) throw invalidArchive(this.#archive, `it has no ${POD_DUMP}`);
    const options = readPodOptions(this.#podOptions, this.#archive);
    const identity = readPodDump(this.#podDump, options, this.#archive);
    const containers = options.containers.map((container) => this.#find(container));
    this.#refuseOthers(new Set(containers.map(({ entry }) => entry)));
    for (const container of containers) this.#refuseForeign(container, identity);
    return { ...identity, ...extent, name: this.#archive, form: options.form, containers };
  }

  async #lookAtArchive(entry: string, member: ForeignMember, content: MemberContent): Promise<void> {
    const { contentStart, sizeBytes } = member;
    const outcome = await attempt(async () => {
      if (this.#archives.has(entry)) throw invalidArchive(this.#archive, 'is there twice', member.name);
      const { checkpoint, extent } = await this.#lookInside(content.input);
      return { checkpoint, archive: { ...extent, range: { start: contentStart, end: contentStart + sizeBytes } } };
    });
    this.#archives.set(entry, outcome);
  }

  async #lookIntoDirectory(entry: string, file: string, member: ForeignMember, content: MemberContent): Promise<void> {
    const name = `${this.#archive}: ${quoteName(entry)}`;
    const known = this.#directories.get(entry) ?? { value: new ContainerLook(name, this.#options) };
    if ('error' in known) return;
    const outcome = await attempt(async () => {
      await known.value.see(file, member, content);
      return known.value;
    });
    this.#directories.set(entry, outcome);
  }

  #find({ name, entry }: PodEntry): PodContainer {
    const archive = this.#archives.get(entry);
    if (archive !== undefined) {
      if ('error' in archive) throw archive.error;
      return { name, entry, ...archive.value };
    }
    const directory = this.#directories.get(entry);
    if (directory === undefined) {
      throw invalidArchive(this.#archive, `its ${POD_OPTIONS} names ${quoteText(entry)}, which is not there`);
    }
    if ('error' in directory) throw directory.error;
    return { name, entry, checkpoint: directory.value.finish(), archive: undefined };
  }

  /** A container of another pod would be shown, and found, under this one's name. */
  #refuseForeign({ entry, checkpoint: { identity } }: PodContainer, pod: PodIdentity): void {
    for (const key of ['podName', 'namespace', 'podUid', 'sandboxId'] as const) {
      const [own, said] = [identity[key], pod[key]];
      if (own === undefined || said === undefined || own === said) continue;
      const both = `${quoteText(said)} and ${quoteText(own)}`;
      throw invalidArchive(
        this.#archive,
        `and ${quoteText(entry)} contradict each other: the ${key} is ${both}`,
        POD_DUMP,
      );
    }
  }

  /** A container that `pod.options` leaves out would be moved without ever being shown. */
  #refuseOthers(named: ReadonlySet<string>): void {
    for (const [entry, outcome] of [...this.#archives, ...this.#directories]) {
      const isContainer =
        'value' in outcome && (!(outcome.value instanceof ContainerLook) || outcome.value.isContainer);
      if (isContainer && !named.has(entry)) {
        throw invalidArchive(this.#archive, `is a container that its ${POD_OPTIONS} does not name`, entry);
      }
    }
  }
}

async function attempt<T>(look: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await look() };
  } catch (error) {
    if (isPodfreightError(error, 'invalid-archive', 'corrupt-archive', 'unsupported')) return { error };
    throw error;
  }
}
