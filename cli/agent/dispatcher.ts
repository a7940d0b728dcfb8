import { groupByPod, type PodGroup, takenAt } from '../../core/checkpoint/pod-groups.ts';
import { roundsOf } from '../../core/checkpoint/rounds.ts';
import { shipContainers } from '../../core/checkpoint/ship-containers.ts';
import { isPodfreightError, PodfreightError } from '../../core/errors.ts';
import { type PushResult, push } from '../../core/push.ts';
import { sandboxIdOfFileName } from '../../core/sandbox-id.ts';
import { type Shipment, shipPods } from '../../core/shipment.ts';
import { formatBytes } from '../bytes.ts';
import { KubeletDirectory } from '../kubelet-directory.ts';
import { openVersion, type WholeArchive } from '../whole-archive.ts';
import type { AgentOptions } from './agent.ts';
import type { Inventory } from './inventory.ts';
import { failureOf } from './log.ts';
import { recall } from './recall.ts';
import { isOfTheLine, type Shipper } from './shipper.ts';
import type { KnownFile, Plan } from './state.ts';
import type { Tracked } from './tracked.ts';

interface WholeFile extends WholeArchive {
  readonly tracked: Tracked;
}

/** Files that go together, as it was written down. */
interface Load {
  readonly plan: Plan;
  readonly group: PodGroup<WholeFile>;
}

/** So long archives of a pod wait for others of it that are being written. */
const HOLD_MS = 120_000;

/** Decides which files go together, writes that down, and hands them to the shipper. */
export class Dispatcher {
  readonly #options: AgentOptions;
  readonly #shipper: Shipper;
  readonly #onRead: () => void;
  /** Plans that the shipper has. */
  readonly #active = new Set<number>();
  /** Sandboxes of which the state may not know all that was shipped. */
  readonly #doubtful = new Set<string>();

  /** @param onRead a sign of life */
  constructor(options: AgentOptions, shipper: Shipper, onRead: () => void) {
    this.#options = options;
    this.#shipper = shipper;
    this.#onRead = onRead;
  }

  dispatch(inventory: Inventory): void {
    const ready = () => [...inventory.files].filter(({ phase, isQueued }) => phase === 'upload' && !isQueued);
    for (const file of ready()) if (file.kind === 'pod') this.#shipPod(file);

    const reserved = this.#takeUpPlans(inventory);
    const whole = ready().filter((file) => file.kind === 'archive' && !reserved.has(file));
    const { pods, loose } = groupByPod(whole.map(wholeFile));
    for (const { found, reason } of loose) {
      const message = `${found.tracked.path} cannot be shipped, because ${reason}.`;
      this.#giveUp(
        found.tracked,
        new PodfreightError('unsupported', message, { subject: { path: found.tracked.path } }),
      );
    }
    for (const group of pods) if (!isHeld(group, inventory)) this.#shipGroup(group);
  }

  /** What an earlier life, or an attempt, has decided. @returns files of plans that have to wait */
  #takeUpPlans(inventory: Inventory): ReadonlySet<Tracked> {
    const { state } = this.#options;
    const reserved = new Set<Tracked>();
    for (const plan of state.plans()) {
      if (this.#active.has(plan.id) || plan.files[0]?.directory !== inventory.directory) continue;
      const files = plan.files.map((file) => ({ file, tracked: inventory.file(file.name) }));
      if (files.some(({ file, tracked }) => isLost(file, tracked))) {
        // It may have been stored a moment before the note of it.
        this.#doubtful.add(plan.sandboxId);
        state.forget(plan);
        continue;
      }
      const tracked = files.flatMap((one) => one.tracked ?? []);
      for (const one of tracked) reserved.add(one);
      if (!tracked.every(({ phase, isQueued }) => phase === 'upload' && !isQueued)) continue;
      const [group, ...more] = groupByPod(tracked.map(wholeFile)).pods;
      if (group === undefined || more.length > 0) state.forget(plan);
      else this.#enqueue(tracked, (done) => this.#shipLoads([{ plan, group }], done));
    }
    return reserved;
  }

  #shipGroup(group: PodGroup<WholeFile>): void {
    let loads: Load[] | undefined;
    this.#enqueue(
      group.archives.map(({ tracked }) => tracked),
      async (done) => {
        loads ??= this.#plan(await this.#withoutRecalled(group));
        await this.#shipLoads(loads, done);
      },
    );
  }

  #plan(group: PodGroup<WholeFile>): Load[] {
    return roundsOf(group).map((round) => {
      const plan = this.#options.state.plan(group.sandboxId, round.archives.map(knownFile));
      this.#active.add(plan.id);
      return { plan, group: round };
    });
  }

  /** Each load by itself: what fails of one does not stop the next, unless it is the line. */
  async #shipLoads(loads: readonly Load[], done: Set<Load>): Promise<void> {
    for (const load of loads) {
      if (done.has(load)) continue;
      this.#active.add(load.plan.id);
      try {
        await this.#shipLoad(load);
      } catch (error) {
        if (this.#options.signal.aborted || isOfTheLine(error)) throw error;
        for (const { tracked } of load.group.archives) this.#giveUp(tracked, error);
      }
      done.add(load);
      this.#active.delete(load.plan.id);
    }
  }

  async #shipLoad({ plan, group }: Load): Promise<void> {
    await using open = new AsyncDisposableStack();
    const archives = [];
    for (const found of group.archives) {
      const source = open.use(await openVersion(found.tracked.path, found.tracked.version));
      archives.push({ ...found, source });
    }
    const digests = new Map(archives.map(({ fileName, digest }) => [fileName, digest]));
    const shipment = await shipContainers({ ...group, archives }, digests, this.#options.format);
    const result = await this.#push(shipment);
    const { state } = this.#options;
    state.confirm(plan, result.location, result.sizeBytes);
    for (const { tracked, digest } of group.archives) {
      // It may have been planned under an older version: the same bytes, touched since.
      state.recognise(tracked.directory, tracked.name, digest, tracked.version);
    }
    this.#stored(
      group.archives.map(({ tracked }) => tracked),
      `${group.namespace}/${group.podName}`,
      result,
    );
  }

  #shipPod(file: Tracked): void {
    this.#enqueue([file], async () => {
      try {
        const {
          directory,
          name,
          version,
          file: { sizeBytes },
        } = file;
        const sandboxId = sandboxIdOfFileName(name)!;
        await using snapshot = await new KubeletDirectory(directory).snapshot((manifest) => ({
          ...manifest,
          pods: (manifest.pods ?? []).filter((pod) => pod.sandboxId === sandboxId),
        }));
        const [pod] = snapshot.manifest.pods ?? [];
        if (pod === undefined) throw new PodfreightError('source-changed', `${file.path} is no longer listed.`);
        const result = await this.#push(shipPods(snapshot.manifest, snapshot.pods, this.#options.format));
        const { state } = this.#options;
        const known = { directory, name, version, digest: version, sizeBytes, container: '', takenAt: 0 };
        state.confirm(state.plan(sandboxId, [known]), result.location, result.sizeBytes);
        this.#stored([file], `${pod.namespace}/${pod.name}`, result);
      } catch (error) {
        if (this.#options.signal.aborted || isOfTheLine(error)) throw error;
        this.#giveUp(file, error);
      }
    });
  }

  async #push(shipment: Shipment): Promise<PushResult> {
    const { store, bucket, origin, signal } = this.#options;
    return await push(shipment, { store, bucket, origin, signal, onRead: this.#onRead });
  }

  #enqueue(files: readonly Tracked[], ship: (done: Set<Load>) => Promise<void>): void {
    for (const file of files) file.isQueued = true;
    const done = new Set<Load>();
    this.#shipper.add({
      bytes: files.reduce((sum, { file }) => sum + file.sizeBytes, 0),
      ship: async () => {
        try {
          await ship(done);
        } catch (error) {
          if (isOfTheLine(error)) throw error;
          for (const file of files) if (file.phase === 'upload') this.#giveUp(file, error);
        }
        for (const file of files) file.isQueued = false;
      },
    });
  }

  /** The group without those archives that an agent before this one has shipped. */
  async #withoutRecalled(group: PodGroup<WholeFile>): Promise<PodGroup<WholeFile>> {
    const { state, log } = this.#options;
    const { sandboxId, archives } = group;
    if (state.knowsSandbox(sandboxId) && !this.#doubtful.has(sandboxId)) return group;
    let recalled: Awaited<ReturnType<typeof recall<WholeFile>>>;
    try {
      recalled = await recall(sandboxId, archives, this.#options);
    } catch (error) {
      if (!isPodfreightError(error, 'access-denied')) throw error;
      log.failure('warn', error, { consequence: 'what was shipped before the state was lost may be shipped again' });
      recalled = new Map();
    }
    this.#doubtful.delete(sandboxId);
    for (const [found, { location, objectBytes }] of recalled) {
      state.confirm(state.plan(sandboxId, [knownFile(found)]), location, objectBytes);
      found.tracked.phase = 'stored';
      log.info(`${found.fileName} is in S3 already.`, { key: location.key });
    }
    return { ...group, archives: archives.filter((found) => !recalled.has(found)) };
  }

  #stored(files: readonly Tracked[], pod: string, { location, sizeBytes, stored }: PushResult): void {
    const { log, metrics } = this.#options;
    for (const file of files) {
      file.phase = 'stored';
      file.problem = undefined;
    }
    metrics.add('archives_shipped_total', 1, stored ? 'sent' : 'present');
    metrics.add('files_shipped_total', files.length);
    if (stored) metrics.add('shipped_bytes_total', sizeBytes);
    metrics.set('last_success_timestamp_seconds', Date.now() / 1000);
    const fields = { pod, files: files.map(({ name }) => name), bucket: location.bucket, key: location.key, sizeBytes };
    log.info(stored ? `Shipped ${pod} (${formatBytes(sizeBytes)}).` : `${pod} is in S3 already.`, fields);
  }

  #giveUp(file: Tracked, error: unknown): void {
    const { log, metrics, signal, state } = this.#options;
    if (signal.aborted) return;
    const problem = failureOf(error);
    const isNews = file.problem?.message !== problem.message;
    file.putOff(isPodfreightError(error, 'source-changed', 'busy') ? 'settling' : 'repair');
    file.problem = problem;
    metrics.add('failures_total', 1, problem.code);
    if (!isNews) return;
    log.failure('warn', error, { file: file.path });
    if (file.phase === 'repair') state.noteProblem(file.directory, file.name, file.version, problem);
  }
}

/** Whether what was planned can no longer be shipped. */
function isLost(file: KnownFile, tracked: Tracked | undefined): boolean {
  if (tracked === undefined) return true;
  if (tracked.whole !== undefined) return tracked.whole.digest !== file.digest;
  return tracked.version !== file.version && ['end', 'repair', 'stored'].includes(tracked.phase);
}

/** Whether another archive of the pod is on its way: a pod's containers are checkpointed one after the other. */
function isHeld({ podName, namespace, archives }: PodGroup<WholeFile>, inventory: Inventory): boolean {
  const prefix = `checkpoint-${podName}_${namespace}-`;
  const now = performance.now();
  if (archives.some(({ tracked }) => now - tracked.since > HOLD_MS)) return false;
  return [...inventory.files].some(
    ({ name, phase, since }) =>
      (phase === 'settling' || phase === 'writer') && name.startsWith(prefix) && now - since < HOLD_MS,
  );
}

function wholeFile(tracked: Tracked): WholeFile {
  return { ...tracked.whole!, tracked };
}

function knownFile(found: WholeFile): KnownFile {
  const { namespace, podName, containerName } = found.container.identity;
  const { directory, name, version, file } = found.tracked;
  return {
    ...{ directory, name, version, digest: found.digest, sizeBytes: file.sizeBytes },
    container: JSON.stringify([namespace, podName, containerName]),
    takenAt: takenAt(found)?.getTime() ?? 0,
  };
}
