import type { ForeignMember } from '../archive/header-walk.ts';
import { invalidArchive } from '../archive/refusal.ts';
import type { MemberContent, TarExtent } from '../archive/tar-parts.ts';
import {
  CONFIG_DUMP,
  type ConfigDump,
  readConfigDump,
  readSpecDump,
  readStatusDump,
  SPEC_DUMP,
  type SpecDump,
  STATUS_DUMP,
  type StatusDump,
} from './engine-files.ts';
import { type ContainerIdentity, identify } from './identity.ts';
import { OnceRead } from './once-read.ts';
import { type DumpStats, readStatsDump, STATS_DUMP, STATS_DUMP_BYTES_MAX } from './stats-dump.ts';

/** The checkpoint of one container, as far as a look at it tells. */
export interface ContainerCheckpoint {
  readonly identity: ContainerIdentity;
  /** CRIU's images, memory pages first of all: the files below `checkpoint/`. */
  readonly checkpointBytes: number;
  /** Those of a checkpoint before, whose pages this one needs: the files below `pre-checkpoint/`. Podman's alone. */
  readonly preCheckpointBytes: number;
  /** Changes of the root file system: `rootfs-diff.tar`, a plain tar, containerd's in gzip. Undefined where none changed. */
  readonly rootfsDiffBytes: number | undefined;
  /** Where they were asked for and are there. */
  readonly stats: DumpStats | undefined;
}

/** The archive of one container. */
export interface ContainerArchive extends ContainerCheckpoint, TarExtent {
  /** As the source calls it. */
  readonly name: string;
}

const ROOTFS_DIFF = 'rootfs-diff.tar';
const CHECKPOINT = 'checkpoint/';
const PRE_CHECKPOINT = 'pre-checkpoint/';

export interface LookOptions {
  /** Read CRIU's statistics too. */
  readonly stats?: boolean;
}

/** Gathers what the members of one container's checkpoint tell, as they come; only small files are read. */
export class ContainerLook {
  readonly #archive: string;
  readonly #options: LookOptions;
  readonly #files: OnceRead;
  #config: ConfigDump | undefined;
  #spec: SpecDump | undefined;
  #status: StatusDump | undefined;
  #stats: DumpStats | undefined;
  #rootfsDiffBytes: number | undefined;
  #checkpointBytes = 0;
  #preCheckpointBytes = 0;

  /** @param archive its name, for messages */
  constructor(archive: string, options: LookOptions) {
    this.#archive = archive;
    this.#options = options;
    this.#files = new OnceRead(archive);
  }

  /** Whether the engine's record was met. */
  get isContainer(): boolean {
    return this.#config !== undefined;
  }

  /**
   * @param name of the member within the container's checkpoint
   * @throws PodfreightError `invalid-archive`, and what `content` throws
   */
  async see(name: string, member: ForeignMember, content: MemberContent): Promise<void> {
    const read = (maxBytes?: number) => this.#files.read(name, member, content, maxBytes);
    switch (name) {
      case CONFIG_DUMP:
        this.#config = readConfigDump(await read(), this.#archive);
        break;
      case SPEC_DUMP:
        this.#spec = readSpecDump(await read(), this.#archive);
        break;
      case STATUS_DUMP:
        this.#status = readStatusDump(await read(), this.#archive);
        break;
      case STATS_DUMP:
        if (this.#options.stats) this.#stats = readStatsDump(await read(STATS_DUMP_BYTES_MAX), this.#archive);
        break;
      case ROOTFS_DIFF:
        this.#files.check(name, member);
        this.#rootfsDiffBytes = member.sizeBytes;
        break;
      default:
        if (name.startsWith(CHECKPOINT)) this.#checkpointBytes += member.sizeBytes;
        if (name.startsWith(PRE_CHECKPOINT)) this.#preCheckpointBytes += member.sizeBytes;
    }
  }

  /** When all members were seen. @throws PodfreightError `invalid-archive` */
  finish(): ContainerCheckpoint {
    if (this.#config === undefined) throw invalidArchive(this.#archive, `it has no ${CONFIG_DUMP}`);
    if (this.#spec === undefined) throw invalidArchive(this.#archive, `it has no ${SPEC_DUMP}`);
    return {
      identity: identify(this.#config, this.#spec, this.#status, this.#archive),
      checkpointBytes: this.#checkpointBytes,
      preCheckpointBytes: this.#preCheckpointBytes,
      rootfsDiffBytes: this.#rootfsDiffBytes,
      stats: this.#stats,
    };
  }
}
