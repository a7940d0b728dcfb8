import { posix } from 'node:path';
import type { Endpoint } from './endpoint.ts';
import { ask, misunderstood, type Question } from './question.ts';
import { type ContainerName, nameOf, type PodName } from './target.ts';

/** One checkpoint that a container engine has written. */
export interface Checkpoint extends ContainerName {
  /** Absent where nobody had to know it. */
  readonly node?: string;
  /** Of the archive, absolute, on the node. */
  readonly path: string;
}

/** Somebody who can have containers checkpointed. Every method throws as {@link ask} does. */
export interface Checkpointer {
  /** @throws PodfreightError `not-found` when there is no such pod, or none of its containers runs */
  runningContainers(pod: PodName, signal: AbortSignal): Promise<readonly string[]>;
  /**
   * Returns when the engine has written the archive; the container runs on. Does not repeat anything.
   * @param timeoutSeconds for the engine; less than the kubelet's `runtimeRequestTimeout` counts there as that
   */
  checkpoint(container: ContainerName, timeoutSeconds: number, signal: AbortSignal): Promise<Checkpoint>;
}

/** The kubelet's own deadline shall end a checkpoint that takes too long: its answer says more than silence. */
const SLACK_SECONDS = 15;
const ANSWER_BYTES_MAX = 64 * 1024;

/**
 * Asks the kubelet's checkpoint API, which lies below `prefix` of the endpoint.
 * @returns the archive's path
 * @see https://kubernetes.io/docs/reference/node/kubelet-checkpoint-api/
 */
export async function requestCheckpoint(
  endpoint: Endpoint,
  prefix: string,
  container: ContainerName,
  question: Pick<Question, 'who' | 'permission'>,
  { timeoutSeconds, signal }: { readonly timeoutSeconds: number; readonly signal: AbortSignal },
): Promise<string> {
  const asked = { ...question, what: `checkpoint ${nameOf(container)}` };
  const answer = await ask(endpoint, asked, {
    method: 'POST',
    path: `${prefix}/checkpoint/${nameOf(container)}?timeout=${timeoutSeconds}`,
    timeoutSeconds: timeoutSeconds + SLACK_SECONDS,
    answerBytesMax: ANSWER_BYTES_MAX,
    signal,
  });
  const { items } = (answer ?? {}) as { items?: unknown };
  const [path, ...more] = Array.isArray(items) ? items : [];
  if (typeof path !== 'string' || more.length > 0) throw misunderstood(asked, 'names no archive');
  if (!isArchiveOf(container, path)) throw misunderstood(asked, `names ${JSON.stringify(path)}, no archive of it`);
  return path;
}

/**
 * Whether `path` is one that the kubelet gives to a checkpoint of this container. What it names is read as root and pushed,
 * so that a false answer must not choose it.
 */
function isArchiveOf({ namespace, pod, container }: ContainerName, path: string): boolean {
  const name = posix.basename(path);
  const named = name.startsWith(`checkpoint-${pod}_${namespace}-${container}-`) && name.endsWith('.tar');
  return named && posix.isAbsolute(path) && posix.normalize(path) === path && !path.includes('\0');
}
