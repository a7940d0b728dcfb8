import type { ArchiveFormat } from '../../core/archive/format.ts';
import { isNotWhole } from '../../core/checkpoint/checkpoint.ts';
import { type ErrorCode, isPodfreightError, PodfreightError } from '../../core/errors.ts';
import type { Origin } from '../../core/keys.ts';
import type { ArchiveKeys, ArchiveStore, Catalogue } from '../../core/ports.ts';
import { inodeOf } from '../file-version.ts';
import { openForWriting } from '../open-writers.ts';
import { inspectArchive } from '../whole-archive.ts';
import { Dispatcher } from './dispatcher.ts';
import { Inventory } from './inventory.ts';
import { failureOf, type Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import type { PruneRules } from './prune.ts';
import { Pruner } from './pruner.ts';
import { Shipper } from './shipper.ts';
import type { AgentState, Problem } from './state.ts';
import type { Phase, Tracked } from './tracked.ts';
import { Wake } from './wake.ts';
import { Watcher } from './watcher.ts';

export interface AgentOptions {
  readonly directories: readonly string[];
  readonly store: ArchiveStore;
  /** To know again what was shipped, when the state is lost. */
  readonly keys: ArchiveKeys;
  /** For pruning. */
  readonly catalogue: Catalogue | undefined;
  readonly bucket: string;
  readonly origin: Origin;
  readonly format: ArchiveFormat;
  /** Absent: nothing is removed. */
  readonly prune: PruneRules | undefined;
  /** How long a file must stay as it is where its writers cannot be seen. */
  readonly settleMs: number;
  readonly sweepMs: number;
  readonly state: AgentState;
  /** Where processes and what they have open can be seen. Default: `/proc`. */
  readonly proc?: string;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly signal: AbortSignal;
}

/** Where writers can be seen: longer than the kernel's clock takes to tell two changes apart. */
const SETTLE_UNWRITTEN_MS = 1000;
/** Events come by the thousand while a file is written. */
const SWEEP_PAUSE_MS = 500;
/** Of the time, at most so much goes into looking at names. */
const SWEEP_SHARE = 0.05;
/** What was read is shipped while the rest is read. */
const DISPATCH_EVERY_MS = 250;
/** Without a sign of life. */
const ILL_AFTER_MS = 5 * 60_000;
/** For `flush`: writers that take longer, and attempts that fail. */
const FLUSH_WRITER_MS = 60_000;
const FLUSH_FAILURES = 3;

/** Watches directories and ships what is finished in them, for as long as it lives. */
export class Agent {
  readonly #options: AgentOptions;
  readonly #inventories: readonly Inventory[];
  readonly #watchers: readonly Watcher[];
  readonly #shipper: Shipper;
  readonly #dispatcher: Dispatcher;
  readonly #pruner: Pruner | undefined;
  readonly #wake = new Wake();
  /** Of which it was said. */
  readonly #unwatched = new Set<string>();
  /** What was said last of something that fails again and again. */
  readonly #said = new Map<string, Problem>();
  #rule: 'writers' | 'quiet' | undefined;
  #lineFailure: PodfreightError | undefined;
  #aliveAt = performance.now();
  #sweepTookMs = 0;

  constructor(options: AgentOptions) {
    const { directories, state, log, metrics, signal } = options;
    this.#options = options;
    this.#inventories = directories.map((directory) => new Inventory(directory, state));
    this.#watchers = directories.map((directory) => new Watcher(directory, () => this.#wake.now()));
    this.#shipper = new Shipper({
      signal,
      onPause: (error, pauseMs, failures) => {
        this.#lineFailure = error;
        metrics.add('failures_total', 1, error.code);
        log.failure('warn', error, { failures, retryInSeconds: Math.ceil(pauseMs / 1000) });
        this.#wake.now();
      },
      onIdle: () => this.#wake.now(),
    });
    this.#dispatcher = new Dispatcher(options, this.#shipper, () => this.#live());
    const { prune: rules, catalogue } = options;
    if (rules !== undefined && catalogue !== undefined) {
      const said = {
        onAsk: () => this.#live(),
        complain: (what: string, error: unknown) => this.#complain(what, error),
      };
      this.#pruner = new Pruner({ ...options, ...said, rules, catalogue });
    }
  }

  /** Until the signal is aborted. What is under way then can be taken up again. */
  async run(): Promise<void> {
    const { signal, sweepMs } = this.#options;
    try {
      while (!signal.aborted) {
        await this.#sweep();
        await this.#pause(sweepMs);
      }
    } finally {
      await this.close();
    }
  }

  /**
   * Ships all there is and waits for it.
   * @throws PodfreightError of the first file, directory or attempt that failed; the signal's reason
   */
  async flush(): Promise<void> {
    const { signal, sweepMs } = this.#options;
    const begunAt = performance.now();
    try {
      for (;;) {
        await this.#sweep();
        signal.throwIfAborted();
        if (this.#shipper.failures >= FLUSH_FAILURES) throw this.#lineFailure;
        const waitsForWriters = performance.now() - begunAt < FLUSH_WRITER_MS;
        const comes = (phase: Phase) =>
          phase === 'settling' || phase === 'upload' || (phase === 'writer' && waitsForWriters);
        if (this.#shipper.isIdle && !this.#waiting().some(({ phase }) => comes(phase))) break;
        await this.#pause(sweepMs);
      }
    } finally {
      await this.close();
    }
    this.#checkFlushed();
  }

  async close(): Promise<void> {
    for (const watcher of this.#watchers) watcher[Symbol.dispose]();
    await this.#shipper.close();
  }

  /** Why it is not doing its work; undefined when it is. */
  illness(): string | undefined {
    const silentMs = performance.now() - this.#aliveAt;
    const limit = ILL_AFTER_MS + this.#options.sweepMs;
    return silentMs > limit ? `no sign of life for ${Math.round(silentMs / 1000)} s` : undefined;
  }

  /** The text of `/metrics`. */
  measure(): string {
    const { metrics } = this.#options;
    const counts: Record<Phase, number> = { settling: 0, writer: 0, end: 0, repair: 0, upload: 0, stored: 0 };
    const now = Date.now();
    let oldest = now;
    for (const { phase, file } of this.#waiting()) {
      counts[phase] += 1;
      oldest = Math.min(oldest, file.changedAt);
    }
    for (const [phase, count] of Object.entries(counts)) {
      if (phase !== 'stored') metrics.set('waiting_files', count, phase);
    }
    metrics.set('oldest_waiting_seconds', (now - oldest) / 1000);
    return metrics.text();
  }

  #waiting(): Tracked[] {
    return this.#inventories.flatMap(({ files }) => [...files].filter(({ phase }) => phase !== 'stored'));
  }

  async #sweep(): Promise<void> {
    const { signal } = this.#options;
    const begunAt = performance.now();
    await this.#guarded('the rule', () => this.#chooseRule());
    for (const [i, inventory] of this.#inventories.entries()) {
      const settleMs = this.#rule === 'writers' ? SETTLE_UNWRITTEN_MS : this.#options.settleMs;
      this.#watch(inventory.directory, this.#watchers[i]!);
      await this.#guarded(inventory.directory, () => inventory.refresh(settleMs));
    }
    this.#sweepTookMs = performance.now() - begunAt;
    for (const inventory of this.#inventories) {
      await this.#guarded(`looking in ${inventory.directory}`, () => this.#look(inventory));
      await this.#guarded(`shipping ${inventory.directory}`, async () => this.#dispatcher.dispatch(inventory));
    }
    if (!signal.aborted) await this.#pruner?.prune((what, act) => this.#guarded(what, act));
    this.#live();
    this.#options.metrics.set('last_sweep_timestamp_seconds', Date.now() / 1000);
  }

  /** A directory that is missing is told of by whoever looks into it. */
  #watch(directory: string, watcher: Watcher): void {
    const error = watcher.begin();
    if (error === undefined || error.code === 'ENOENT' || this.#unwatched.has(directory)) return;
    this.#unwatched.add(directory);
    const { log, sweepMs } = this.#options;
    log.warn(`Changes of ${directory} are not told; it is looked through every ${sweepMs / 1000} s.`, {
      reason: error.message,
    });
  }

  /** By events, when a file is due, or when it is time for a sweep. */
  async #pause(sweepMs: number): Promise<void> {
    const now = performance.now();
    const dueAt = this.#waiting().reduce(
      (soonest, file) => (file.isLookedFor ? Math.min(soonest, file.dueAt) : soonest),
      Math.min(now + sweepMs, this.#pruner?.dueAt ?? Number.POSITIVE_INFINITY),
    );
    const atLeastMs = Math.max(SWEEP_PAUSE_MS, this.#sweepTookMs / SWEEP_SHARE);
    await this.#wake.sleep(atLeastMs, Math.max(atLeastMs, dueAt - now), this.#options.signal);
  }

  async #chooseRule(): Promise<void> {
    const rule = (await openForWriting(new Map(), this.#options.proc)) === undefined ? 'quiet' : 'writers';
    if (rule === this.#rule) return;
    const { log, metrics, settleMs } = this.#options;
    metrics.set('info', 0, rule === 'quiet' ? 'writers' : 'quiet');
    metrics.set('info', 1, rule);
    this.#rule = rule;
    log.info(
      rule === 'writers'
        ? 'A file is finished when no process has it open for writing.'
        : `A file is finished when it stays as it is for ${settleMs / 1000} s; not all processes of this machine can be seen.`,
      { rule },
    );
  }

  /** Reads those that are due, small ones first. */
  async #look(inventory: Inventory): Promise<void> {
    const { signal, settleMs, proc } = this.#options;
    const now = performance.now();
    const due = [...inventory.files]
      .filter((file) => file.isLookedFor && file.dueAt <= now)
      .sort((a, b) => a.file.sizeBytes - b.file.sizeBytes);
    if (due.length === 0) return;
    const written = await openForWriting(new Map(due.map(({ name, version }) => [name, inodeOf(version)])), proc);
    let dispatchedAt = now;
    for (const file of due) {
      if (signal.aborted) return;
      this.#live();
      if (performance.now() - dispatchedAt > DISPATCH_EVERY_MS) {
        this.#dispatcher.dispatch(inventory);
        dispatchedAt = performance.now();
      }
      if (written === undefined && now - file.since < settleMs) file.dueAt = file.since + settleMs;
      else if (written?.has(file.name)) this.#putOff(file, 'writer', undefined);
      else if (file.kind === 'pod') file.phase = 'upload';
      else await this.#inspect(file);
    }
  }

  async #inspect(file: Tracked): Promise<void> {
    const { signal, state } = this.#options;
    try {
      const whole = await inspectArchive(file, { signal, onRead: () => this.#live() });
      file.whole = whole;
      file.problem = undefined;
      file.phase = state.recognise(file.directory, file.name, whole.digest, file.version) ? 'stored' : 'upload';
    } catch (error) {
      if (signal.aborted) return;
      if (isNotWhole(error)) this.#putOff(file, 'end', error);
      else if (isPodfreightError(error, 'source-changed', 'not-found')) this.#putOff(file, 'settling', error);
      else this.#putOff(file, 'repair', error);
    }
  }

  #putOff(file: Tracked, phase: 'settling' | 'writer' | 'end' | 'repair', error: unknown): void {
    const { log, metrics, state } = this.#options;
    const isNews = file.phase !== phase || file.failures === 0;
    file.putOff(phase);
    file.problem = error === undefined ? { code: 'busy', message: `${file.path} is being written.` } : failureOf(error);
    if (phase === 'end' || phase === 'repair') metrics.add('failures_total', 1, file.problem.code);
    if (!isNews || phase === 'settling') return;
    if (phase !== 'writer') state.noteProblem(file.directory, file.name, file.version, file.problem);
    const level = phase === 'writer' ? 'info' : 'warn';
    log[level](file.problem.message, { code: file.problem.code, file: file.path, waitsFor: phase });
  }

  /** What fails here is tried again at the next sweep, and does not stop anything else. */
  async #guarded(what: string, act: () => Promise<void>): Promise<void> {
    try {
      await act();
      this.#said.delete(what);
    } catch (error) {
      if (!this.#options.signal.aborted) this.#complain(what, error);
    }
  }

  #complain(what: string, error: unknown): void {
    const problem = failureOf(error);
    this.#options.metrics.add('failures_total', 1, problem.code);
    if (this.#said.get(what)?.message === problem.message) return;
    this.#said.set(what, problem);
    this.#options.log.failure('error', error);
  }

  #live(): void {
    this.#aliveAt = performance.now();
  }

  #checkFlushed(): void {
    const [complaint] = this.#said.values();
    const waiting = this.#waiting();
    const [first] = waiting;
    if (first === undefined && complaint === undefined) return;
    const { code, message } = first?.problem ??
      complaint ?? { code: 'io', message: `${first?.path} could not be shipped.` };
    const others = waiting.length > 1 ? ` And ${waiting.length - 1} more are not in S3.` : '';
    throw new PodfreightError(code as ErrorCode, message + others, { subject: { waiting: waiting.length } });
  }
}
