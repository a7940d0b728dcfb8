import { PodfreightError } from '../../core/errors.ts';
import type { ArchiveStore, Catalogue } from '../../core/ports.ts';
import { formatBytes } from '../bytes.ts';
import { type BackOffLimits, backOffMs } from './back-off.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import { type PruneRules, prune } from './prune.ts';
import type { AgentState } from './state.ts';

export interface PrunerOptions {
  readonly directories: readonly string[];
  readonly rules: PruneRules;
  readonly catalogue: Catalogue;
  readonly store: ArchiveStore;
  readonly state: AgentState;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly proc?: string;
  readonly signal: AbortSignal;
  /** A sign of life. */
  readonly onAsk: () => void;
  /** Is told again and again, and says it once. */
  readonly complain: (what: string, error: unknown) => void;
}

/** The catalogue learns of an object some seconds after S3 has it; what it has rejected it will not have in a minute either. */
const PAUSES: BackOffLimits = { first: 2000, most: 60_000 };
/** Of the time, at most so much goes into asking. */
const SHARE = 0.05;

/** Prunes the directories of an agent, and not more often than is of use. */
export class Pruner {
  readonly #options: PrunerOptions;
  /** How often in a row something was to go, and S3 or the catalogue did not have it yet. */
  #inVain = 0;
  #notBefore = 0;

  constructor(options: PrunerOptions) {
    this.#options = options;
  }

  /** When it wants to prune by itself, on the monotonic clock; never when nothing is owed. */
  get dueAt(): number {
    return this.#inVain > 0 ? this.#notBefore : Number.POSITIVE_INFINITY;
  }

  /** Unless it did a moment ago. @param guarded does what it is given, and tells of its failure */
  async prune(guarded: (what: string, act: () => Promise<void>) => Promise<void>): Promise<void> {
    const begunAt = performance.now();
    if (begunAt < this.#notBefore) return;
    let isOwed = false;
    for (const directory of this.#options.directories) {
      await guarded(`pruning ${directory}`, async () => {
        isOwed = (await this.#pruneIn(directory)) || isOwed;
      });
    }
    this.#inVain = isOwed ? this.#inVain + 1 : 0;
    const endedAt = performance.now();
    const pauseMs = backOffMs(Math.max(1, this.#inVain), PAUSES);
    this.#notBefore = endedAt + Math.max(pauseMs, (endedAt - begunAt) / SHARE);
  }

  /** @returns whether something is to go that is not confirmed yet */
  async #pruneIn(directory: string): Promise<boolean> {
    const { state, log, metrics, complain } = this.#options;
    let isOwed = false;
    await prune(directory, state.stored(directory), {
      ...this.#options,
      onUnconfirmed: () => {
        isOwed = true;
      },
      onRemoved: ({ name, sizeBytes, location }, why) => {
        metrics.add('files_removed_total', 1);
        metrics.add('removed_bytes_total', sizeBytes);
        const fields = { file: `${directory}/${name}`, why, key: location.key };
        log.info(`Removed ${name} (${formatBytes(sizeBytes)}).`, fields);
      },
      onRejected: ({ name, location }, reason) => {
        const { bucket, key } = location;
        const what = `The catalogue has rejected s3://${bucket}/${key}, so ${name} stays on the node: ${reason}`;
        complain(`the catalogue on ${key}`, new PodfreightError('invalid-archive', what, { subject: { file: name } }));
      },
    });
    return isOwed;
  }
}
