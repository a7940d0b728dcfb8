import { PodfreightError } from '../../core/errors.ts';
import { type Checkpoint, type Checkpointer, requestCheckpoint } from './checkpointer.ts';
import type { Endpoint } from './endpoint.ts';
import { type Pod, readPodList } from './pod.ts';
import { ask, misunderstood, type Question } from './question.ts';
import { type ContainerName, nameOf, type PodName } from './target.ts';

const PODS_TIMEOUT_SECONDS = 30;
/** 250 pods of 100 KiB, and as much again. */
const PODS_BYTES_MAX = 64 * 1024 * 1024;

/** A node's kubelet, asked itself: for pods of that node. */
export class Kubelet implements Checkpointer {
  readonly #endpoint: Endpoint;
  #pods: Promise<readonly Pod[]> | undefined;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
  }

  get #who(): string {
    return `the kubelet at ${this.#endpoint.host}`;
  }

  async runningContainers(name: PodName, signal: AbortSignal): Promise<readonly string[]> {
    this.#pods ??= this.#listPods(signal);
    const pod = (await this.#pods).find(({ namespace, name: pod }) => namespace === name.namespace && pod === name.pod);
    if (pod !== undefined && pod.running.length > 0) return pod.running;
    const why = pod === undefined ? `${this.#who} has no such pod` : 'none of its containers runs';
    throw new PodfreightError('not-found', `Cannot checkpoint ${nameOf(name)}: ${why}.`);
  }

  async checkpoint(container: ContainerName, timeoutSeconds: number, signal: AbortSignal): Promise<Checkpoint> {
    const asked = {
      who: this.#who,
      permission: 'create on nodes/checkpoint, or on nodes/proxy where the kubelet says so',
    };
    const path = await requestCheckpoint(this.#endpoint, '', container, asked, { timeoutSeconds, signal });
    return { ...container, path };
  }

  async #listPods(signal: AbortSignal): Promise<readonly Pod[]> {
    const asked: Question = {
      what: 'ask which containers run',
      who: this.#who,
      permission: 'get on nodes/pods, or on nodes/proxy where the kubelet says so; or name the container',
    };
    const answer = await ask(this.#endpoint, asked, {
      method: 'GET',
      path: '/pods',
      timeoutSeconds: PODS_TIMEOUT_SECONDS,
      answerBytesMax: PODS_BYTES_MAX,
      signal,
    });
    const pods = readPodList(answer);
    if (pods === undefined) throw misunderstood(asked, 'is no list of pods');
    return pods;
  }
}
