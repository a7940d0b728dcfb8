import { mkdirSync, rmSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freeBytes } from './disk.ts';
import { EndpointProcess } from './endpoint/process.ts';
import { Inputs } from './inputs/inputs.ts';
import type { Command } from './measure.ts';
import type { PeerName, Peers } from './peers.ts';

/** Any name will do: the endpoint has all buckets. */
export const BUCKET = 'bench';

export interface BenchOptions {
  /** Of the biggest pod. */
  readonly sizeBytes: number;
  readonly runs: number;
  readonly latencyMs: number;
  readonly tls: boolean;
  /** For inputs, and for what is written to disk. */
  readonly diskFolder: string;
  /** For what is pulled: a file system in memory, so that the transfer is measured and not the disk. */
  readonly memoryFolder: string;
  /** The program, as JavaScript. */
  readonly program: string;
  readonly peers: Peers;
  readonly say: (line: string) => void;
}

/** What the operations share. Its folders and processes go when it is disposed of, or with this process. */
export class Bench implements AsyncDisposable {
  readonly sizeBytes: number;
  readonly runs: number;
  readonly peers: Peers;
  readonly say: (line: string) => void;
  readonly inputs: Inputs;
  /** For outputs, on disk and in memory. */
  readonly disk: string;
  readonly memory: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly #options: BenchOptions;
  readonly #clear: () => void;
  #endpoint: Promise<EndpointProcess> | undefined;

  private constructor(options: BenchOptions, disk: string, memory: string) {
    this.#options = options;
    this.sizeBytes = options.sizeBytes;
    this.runs = options.runs;
    this.peers = options.peers;
    this.say = options.say;
    this.disk = disk;
    this.memory = memory;
    this.inputs = new Inputs(join(disk, 'inputs'), options.sizeBytes, (...args) => this.podfreight(...args));
    this.environment = environmentIn(disk);
    this.#clear = () => {
      for (const folder of [disk, memory]) rmSync(folder, { recursive: true, force: true });
    };
    process.once('exit', this.#clear);
  }

  static async open(options: BenchOptions): Promise<Bench> {
    const disk = await mkdtemp(join(options.diskFolder, 'podfreight-bench-'));
    const memory = await mkdtemp(join(options.memoryFolder, 'podfreight-bench-'));
    await writeFile(join(disk, 'podfreight.json'), '{}');
    return new Bench(options, disk, memory);
  }

  podfreight(...args: string[]): Command {
    return [process.execPath, this.#options.program, ...args];
  }

  /** One of the scripts in peers/. */
  script(name: string, ...args: string[]): Command {
    return [process.execPath, join(import.meta.dirname, 'peers', name), ...args];
  }

  /** Of a peer that is known to be there. */
  peer(name: PeerName, ...args: string[]): Command {
    const { program, unset } = this.peers[name]!;
    return unset === undefined ? [program, ...args] : ['env', '-u', unset, program, ...args];
  }

  /** Started when it is first asked for; `environment` has its address from then on. */
  endpoint(): Promise<EndpointProcess> {
    this.#endpoint ??= this.#startEndpoint();
    return this.#endpoint;
  }

  async #startEndpoint(): Promise<EndpointProcess> {
    const { latencyMs, tls } = this.#options;
    const folder = join(this.disk, 'tls');
    mkdirSync(folder);
    const endpoint = await EndpointProcess.start(latencyMs, tls ? folder : undefined);
    for (const variable of ['AWS_ENDPOINT_URL', 'S3_ENDPOINT_URL', 'RCLONE_S3_ENDPOINT']) {
      this.environment[variable] = endpoint.url;
    }
    return endpoint;
  }

  /** @throws Error saying how much room is missing */
  needRoom(bytes: number): void {
    const missing = bytes - freeBytes(this.disk);
    if (missing > 0) throw new Error(`it needs ${Math.ceil(missing / 1024 ** 2)} MiB more in ${this.disk}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    (await this.#endpoint)?.close();
    this.#clear();
  }
}

/** Nothing of the user's own settings reaches podfreight and its peers. */
function environmentIn(folder: string): NodeJS.ProcessEnv {
  const { PATH, HOME } = process.env;
  const [id, secret, region] = ['PODFREIGHTBENCH', 'podfreight-bench', 'eu-central-1'];
  return {
    PATH,
    HOME,
    TMPDIR: folder,
    LC_ALL: 'C',
    AWS_ACCESS_KEY_ID: id,
    AWS_SECRET_ACCESS_KEY: secret,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_CONFIG_FILE: join(folder, 'no-config'),
    AWS_SHARED_CREDENTIALS_FILE: join(folder, 'no-credentials'),
    AWS_EC2_METADATA_DISABLED: 'true',
    RCLONE_CONFIG: join(folder, 'rclone.conf'),
    RCLONE_S3_PROVIDER: 'Minio',
    RCLONE_S3_ENV_AUTH: 'true',
    RCLONE_S3_REGION: region,
    RCLONE_S3_NO_CHECK_BUCKET: 'true',
    PODFREIGHT_CONFIG: join(folder, 'podfreight.json'),
    PODFREIGHT_CLUSTER: 'bench',
    PODFREIGHT_NODE: 'bench',
    PODFREIGHT_ARCHIVES_BUCKET: BUCKET,
  };
}
