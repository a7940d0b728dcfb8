import { join } from 'node:path';
import type { FileVersion } from '../file-version.ts';
import type { WholeArchive } from '../whole-archive.ts';
import { type BackOffLimits, backOffMs } from './back-off.ts';
import type { Problem } from './state.ts';

/** What a file waits for, or that it waits no more. */
export type Phase =
  | 'settling' // it changed a moment ago
  | 'writer' // somebody has it open for writing
  | 'end' // it ends before its archive does
  | 'repair' // it cannot be read, or is none
  | 'upload'
  | 'stored';

const LOOKS: BackOffLimits = { first: 1000, most: 300_000 };

/** A file that belongs into S3, as the agent has seen it. Times are of the monotonic clock, in milliseconds. */
export class Tracked {
  /** `archive`: of a container; `pod`: named by `checkpointed.pods`. */
  readonly kind: 'archive' | 'pod';
  readonly directory: string;
  readonly name: string;
  /** As in `FileVersion`; of a pod's file together with its entry in the manifest. */
  readonly version: string;
  readonly file: FileVersion;
  readonly since: number;
  phase: Phase = 'settling';
  /** When it is to be looked at (again). */
  dueAt: number;
  failures = 0;
  whole: WholeArchive | undefined;
  /** Why it could not be shipped, the last time. */
  problem: Problem | undefined;
  /** Somebody ships it just now, or is about to. */
  isQueued = false;

  constructor(
    fields: Pick<Tracked, 'kind' | 'directory' | 'name' | 'version' | 'file'>,
    settleMs: number,
    now = performance.now(),
  ) {
    this.kind = fields.kind;
    this.directory = fields.directory;
    this.name = fields.name;
    this.version = fields.version;
    this.file = fields.file;
    this.since = now;
    // By the clock of the node: what was left alone before anybody looked need not be waited for once more.
    const quietMs = Math.max(0, Date.now() - fields.file.changedAt);
    this.dueAt = now + Math.max(0, settleMs - quietMs);
  }

  get path(): string {
    return join(this.directory, this.name);
  }

  get isLookedFor(): boolean {
    return this.phase !== 'upload' && this.phase !== 'stored';
  }

  /** It is looked at again, later and later. */
  putOff(phase: 'settling' | 'writer' | 'end' | 'repair', now = performance.now()): void {
    this.failures += 1;
    this.phase = phase;
    this.whole = undefined;
    this.dueAt = now + backOffMs(this.failures, LOOKS);
  }
}
