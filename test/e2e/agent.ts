import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { S3ArchiveStore } from '../../aws/s3-archive-store.ts';
import { s3Client } from '../../aws/s3-client.ts';
import { openArchive } from '../../core/archive/reader.ts';
import { containerRecords } from '../../core/checkpoint/container-records.ts';
import { splitPodTar } from '../../core/checkpoint/split-pod-tar.ts';
import type { ArchiveStore } from '../../core/ports.ts';
import { MANIFEST_NAME, podFileName } from '../../core/sandbox-id.ts';
import { CREDENTIALS } from '../aws/local-s3.ts';
import { type SampleContainer, sampleContainer } from '../checkpoint-samples/container.ts';
import { crioArchive } from '../checkpoint-samples/cri-o.ts';
import { fileNameOf } from '../checkpoint-samples/found.ts';
import { joined } from '../checkpoint-samples/pieces.ts';
import type { Cloud } from './cloud.ts';
import { type Ended, LAUNCHER, startProgram, temporaryFolder } from './podfreight.ts';

/** A container archive to be: its name in the kubelet's directory and its bytes. */
export interface Sample {
  readonly name: string;
  readonly bytes: Buffer;
}

export function sample(fields: Partial<SampleContainer> = {}): Sample {
  const container = sampleContainer({ pagesBytes: 16 * 1024, ...fields });
  return { name: fileNameOf(container), bytes: joined(crioArchive(container)) };
}

/** Where a node's directory and state lie. */
interface Place {
  readonly folder: string;
  /** The same for the tests, which look at it from elsewhere. */
  readonly outside: string;
  /** What the agent's command line begins with. */
  readonly enter: readonly string[];
}

/** A kubelet's directory and a state file, and agents on them. */
export class Node {
  readonly directory: string;
  readonly state: string;
  readonly name: string;
  readonly #place: Place;
  readonly #env: Readonly<Record<string, string>>;
  readonly #test: TestContext;

  private constructor(test: TestContext, place: Place, name: string, env: Readonly<Record<string, string>>) {
    this.directory = join(place.outside, 'checkpoints');
    this.state = join(place.outside, 'state', 'agent.sqlite');
    this.name = name;
    this.#place = place;
    this.#env = env;
    this.#test = test;
  }

  static async make(
    test: TestContext,
    name: string,
    env: Readonly<Record<string, string>>,
    disk?: Place,
  ): Promise<Node> {
    const folder = disk === undefined ? await temporaryFolder(test) : '';
    const node = new Node(test, disk ?? { folder, outside: folder, enter: [] }, name, env);
    await mkdir(node.directory);
    return node;
  }

  path({ name }: Sample): string {
    return join(this.directory, name);
  }

  start(...args: string[]) {
    const { folder, enter } = this.#place;
    const paths = ['-t', join(folder, 'checkpoints'), '--state', join(folder, 'state', 'agent.sqlite')];
    const line = ['agent', ...paths, '--node', this.name, '--settle', '1', '--sweep', '2', ...args];
    const [program = '', ...before] = [...enter, process.execPath, LAUNCHER];
    const { child, ended } = startProgram(program, [...before, ...line], { env: this.#env });
    this.#test.after(async () => {
      child.kill('SIGKILL');
      await ended;
    });
    return { child, ended };
  }

  flush(...args: string[]): Promise<Ended> {
    return this.start('--flush', ...args).ended;
  }

  /** An agent whose endpoint answers. */
  async agent(...args: string[]): Promise<RunningAgent> {
    const { child, ended } = this.start('--listen', '127.0.0.1:0', ...args);
    let log = '';
    child.stderr?.on('data', (chunk) => {
      log += chunk;
    });
    const url = await until('the agent listens', async () => /"listens":"([^"]+)"/.exec(log)?.[1]);
    return {
      child,
      url,
      log: () => log,
      metric: async (name) => {
        // A connection that is kept may be closed just when it is used again.
        const text = await (await fetch(`${url}/metrics`, { headers: { connection: 'close' } })).text();
        const line = text.split('\n').find((one) => one.startsWith(`podfreight_agent_${name} `));
        return Number(line?.split(' ').at(-1) ?? 0);
      },
      stop: async () => {
        child.kill('SIGTERM');
        return await ended;
      },
    };
  }
}

export interface RunningAgent {
  readonly child: ReturnType<typeof startProgram>['child'];
  readonly url: string;
  log(): string;
  /** Its name without `podfreight_agent_`; 0 when it is not there. */
  metric(name: string): Promise<number>;
  stop(): Promise<Ended>;
}

/** Waits for `look` to give something. Generous, for machines that have other work, too. */
export async function until<T>(what: string, look: () => Promise<T | undefined | false>, waitMs = 120_000): Promise<T> {
  const deadline = performance.now() + waitMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    assert.ok(performance.now() < deadline, `it took too long until ${what}`);
    await sleep(100);
  }
}

export async function keysOf(client: S3Client, bucket: string, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  let ContinuationToken: string | undefined;
  do {
    const page = await client.send(
      new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ...(ContinuationToken && { ContinuationToken }) }),
    );
    keys.push(...(page.Contents ?? []).map(({ Key }) => Key!));
    ContinuationToken = page.NextContinuationToken;
  } while (ContinuationToken !== undefined);
  return keys;
}

/**
 * The container archives in one object, `<file name> <SHA-256>` each: every byte is read, and what the manifest says of them
 * must be so.
 */
export async function archivesIn(store: ArchiveStore, bucket: string, key: string): Promise<string[]> {
  const source = await store.open({ bucket, key });
  const archive = await openArchive(source);
  const { manifest } = await archive.manifest();
  const [pod, ...more] = manifest.pods ?? [];
  assert.ok(pod !== undefined && more.length === 0);
  const records = containerRecords(pod);
  const found: string[] = [];
  for await (const { member, data } of archive.members()) {
    if (member.name === MANIFEST_NAME) continue;
    assert.equal(member.name, podFileName(pod.sandboxId));
    for await (const { fileName, data: bytes } of splitPodTar({ name: key, chunks: data }, records)) {
      const hash = createHash('sha256');
      for await (const chunk of bytes) hash.update(chunk);
      found.push(`${fileName} ${hash.digest('hex')}`);
    }
  }
  await source.close();
  return found;
}

/** Where the tests look for what was shipped. */
export interface Archives {
  readonly client: S3Client;
  readonly store: ArchiveStore;
  readonly bucket: string;
}

/** All container archives below a prefix, as {@link archivesIn}, sorted: one that is there twice is twice in it. */
export async function allArchivesIn({ client, store, bucket }: Archives, prefix = ''): Promise<string[]> {
  const found: string[] = [];
  for (const key of await keysOf(client, bucket, prefix)) found.push(...(await archivesIn(store, bucket, key)));
  return found.sort();
}

/** What {@link allArchivesIn} finds of these, each shipped once. */
export function identitiesOf(samples: readonly Sample[]): string[] {
  return samples.map(identityOf).sort();
}

/** The whole of it (`npm run test:agent`), or the slice that every test run has time for. */
export const FULL = process.env.PODFREIGHT_AGENT === 'full';

/** What {@link archivesIn} finds of this one. */
export function identityOf({ name, bytes }: Sample): string {
  return `${name} ${createHash('sha256').update(bytes).digest('hex')}`;
}

/** As the program reads, which is not with the tests' own client. */
export function archivesOf(cloud: Cloud): Archives {
  const credentials = {
    accessKeyId: cloud.setting('AWS_ACCESS_KEY_ID'),
    secretAccessKey: cloud.setting('AWS_SECRET_ACCESS_KEY'),
  };
  const client = s3Client({ endpoint: cloud.stack.endpoints.s3, region: cloud.setting('AWS_REGION'), credentials });
  return { client: cloud.s3, store: new S3ArchiveStore(client), bucket: cloud.archives };
}

/** For an agent that works on that endpoint alone. */
export function environmentOf({
  url,
  bucket,
}: {
  readonly url: string;
  readonly bucket: string;
}): Record<string, string> {
  return {
    AWS_ENDPOINT_URL_S3: url,
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
    PODFREIGHT_ARCHIVES_BUCKET: bucket,
  };
}
