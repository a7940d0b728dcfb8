import { PodfreightError } from '../../core/errors.ts';
import { type Checkpoint, type Checkpointer, requestCheckpoint } from './checkpointer.ts';
import type { Endpoint } from './endpoint.ts';
import { type Pod, readPod } from './pod.ts';
import { ask, misunderstood, type Question } from './question.ts';
import { type ContainerName, nameOf, type PodName } from './target.ts';

const POD_TIMEOUT_SECONDS = 30;
/** An object of Kubernetes is at most 1.5 MiB in etcd. */
const POD_BYTES_MAX = 8 * 1024 * 1024;

/** The API server, which finds the pod's node and passes requests on to the kubelet there. */
export class ApiServer implements Checkpointer {
  readonly #endpoint: Endpoint;
  readonly #nodeName: string | undefined;
  readonly #pods = new Map<string, Promise<Pod>>();

  /** @param nodeName where all pods are, so that nobody has to be asked for it */
  constructor(endpoint: Endpoint, nodeName?: string) {
    this.#endpoint = endpoint;
    this.#nodeName = nodeName;
  }

  get #who(): string {
    return `the API server at ${this.#endpoint.host}`;
  }

  async runningContainers(name: PodName, signal: AbortSignal): Promise<readonly string[]> {
    const { running } = await this.#pod(name, signal);
    if (running.length > 0) return running;
    throw new PodfreightError('not-found', `Cannot checkpoint ${nameOf(name)}: none of its containers runs.`);
  }

  async checkpoint(container: ContainerName, timeoutSeconds: number, signal: AbortSignal): Promise<Checkpoint> {
    const node = this.#nodeName ?? (await this.#pod(container, signal)).nodeName;
    if (node === undefined) {
      throw new PodfreightError('not-found', `Cannot checkpoint ${nameOf(container)}: its pod is on no node yet.`);
    }
    const asked = {
      who: `the kubelet of ${node}, through ${this.#who},`,
      permission: "create on nodes/proxy, and the API server's own user create on nodes/checkpoint",
    };
    const prefix = `/api/v1/nodes/${node}/proxy`;
    const path = await requestCheckpoint(this.#endpoint, prefix, container, asked, { timeoutSeconds, signal });
    return { ...container, node, path };
  }

  #pod({ namespace, pod }: PodName, signal: AbortSignal): Promise<Pod> {
    const name = nameOf({ namespace, pod });
    const found = this.#pods.get(name) ?? this.#getPod({ namespace, pod }, signal);
    this.#pods.set(name, found);
    return found;
  }

  async #getPod(name: PodName, signal: AbortSignal): Promise<Pod> {
    const asked: Question = {
      what: `ask where ${nameOf(name)} runs`,
      who: this.#who,
      permission: 'get on pods; or --node-name and the container must be given',
    };
    const answer = await ask(this.#endpoint, asked, {
      method: 'GET',
      path: `/api/v1/namespaces/${name.namespace}/pods/${name.pod}`,
      timeoutSeconds: POD_TIMEOUT_SECONDS,
      answerBytesMax: POD_BYTES_MAX,
      signal,
    });
    const pod = readPod(answer);
    if (pod === undefined) throw misunderstood(asked, 'is no pod');
    return pod;
  }
}
