import { isPodfreightError, PodfreightError } from '../../core/errors.ts';
import type { Checkpoint, Checkpointer } from './checkpointer.ts';
import { type ContainerName, nameOf, type Target } from './target.ts';

export interface CheckpointOptions {
  /** For each container. */
  readonly timeoutSeconds: number;
  readonly signal: AbortSignal;
  /** Called before each container. */
  readonly onStart?: (container: ContainerName) => void;
}

export interface Outcome {
  readonly checkpoints: readonly Checkpoint[];
  /** Of containers and pods that were not checkpointed; an interruption is the last. */
  readonly failures: readonly PodfreightError[];
}

/** Has each container checkpointed once, one after the other; one that fails keeps no other from it. */
export async function checkpointTargets(
  targets: readonly Target[],
  checkpointer: Checkpointer,
  { timeoutSeconds, signal, onStart }: CheckpointOptions,
): Promise<Outcome> {
  const done = new Set<string>();
  const checkpoints: Checkpoint[] = [];
  const failures: PodfreightError[] = [];
  /** @returns undefined for a failure, which is kept */
  const attempt = async <T>(act: () => Promise<T>): Promise<T | undefined> => {
    try {
      signal.throwIfAborted();
      return await act();
    } catch (error) {
      if (!isPodfreightError(error)) throw error;
      failures.push(error);
      return undefined;
    }
  };
  for (const target of targets) {
    for (const container of (await attempt(() => expand(target, checkpointer, signal))) ?? []) {
      const name = nameOf(container);
      if (done.has(name)) continue;
      done.add(name);
      onStart?.(container);
      const checkpoint = await attempt(() => checkpointer.checkpoint(container, timeoutSeconds, signal));
      if (checkpoint !== undefined) checkpoints.push(checkpoint);
      if (signal.aborted) return { checkpoints, failures };
    }
    if (signal.aborted) break;
  }
  return { checkpoints, failures };
}

async function expand(target: Target, checkpointer: Checkpointer, signal: AbortSignal): Promise<ContainerName[]> {
  if ('container' in target) return [target];
  const containers = await checkpointer.runningContainers(target, signal);
  return containers.map((container) => ({ ...target, container }));
}

/** All failures as the one that a command ends with: an interruption, the only one, or one that names them all. */
export function oneFailure(failures: readonly PodfreightError[]): PodfreightError {
  const [first, ...more] = failures;
  const interruption = failures.find((failure) => isPodfreightError(failure, 'interrupted'));
  if (interruption !== undefined || more.length === 0) return interruption ?? first!;
  const messages = failures.map(({ message }) => message);
  return new PodfreightError(first!.code, messages.join(' '), { subject: { failures: messages } });
}
