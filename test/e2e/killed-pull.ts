import { createCipheriv } from 'node:crypto';
import type { TestContext } from 'node:test';
import { writeArchive } from '../../core/archive/writer.ts';
import { formatManifest } from '../../core/manifest/manifest.ts';
import { CREDENTIALS, type LocalS3, localS3 } from '../aws/local-s3.ts';
import { manifest, pod } from '../cli/pods.ts';
import { type Ended, start } from './podfreight.ts';

const MiB = 1024 * 1024;
const MODIFIED_AT = new Date('2026-11-22T13:20:00Z');

/** Bytes that look random and are the same every time; a third of them zeros. */
export function memory(sizeBytes: number, seed: number): Buffer {
  const bytes = createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16)).update(Buffer.alloc(sizeBytes));
  for (let at = 0; at < sizeBytes; at += 3 * MiB) bytes.subarray(at, at + MiB).fill(0);
  return bytes;
}

/** Two large pods, and small ones. */
export function pods(seed: number): Map<string, Buffer> {
  const small = [1, 2, 3].map((i) => [`small-${i}`, memory(100_000 + i, seed + i)] as const);
  return new Map([...small, ['large-1', memory(40 * MiB + 5, seed)], ['large-2', memory(30 * MiB, seed + 9)]]);
}

export async function archiveOf(pods: ReadonlyMap<string, Buffer>, format: 'tar' | 'tar+zstd'): Promise<Buffer> {
  const { stream } = writeArchive({
    manifest: formatManifest(manifest(...[...pods.keys()].map((id) => pod(id)))),
    modifiedAt: MODIFIED_AT,
    pods: [...pods].map(([sandboxId, bytes]) => ({
      sandboxId,
      sizeBytes: bytes.length,
      modifiedAt: MODIFIED_AT,
      async *read() {
        yield bytes;
      },
    })),
    format,
  });
  return Buffer.concat(await Array.fromAsync(stream));
}

/** An endpoint with one archive, of which pulls can be killed. */
export class PulledArchive {
  readonly s3: LocalS3;
  readonly location: { readonly bucket: string; readonly key: string };

  private constructor(s3: LocalS3, key: string) {
    this.s3 = s3;
    this.location = { bucket: s3.bucket, key };
  }

  static async make(t: TestContext, archive: Buffer, key: string): Promise<PulledArchive> {
    const s3 = await localS3();
    t.after(() => s3.close());
    const pulled = new PulledArchive(s3, key);
    await s3.overwrite(pulled.location, archive);
    return pulled;
  }

  get url(): string {
    return `s3://${this.location.bucket}/${this.location.key}`;
  }

  start(args: readonly string[]) {
    const env = {
      AWS_ENDPOINT_URL: this.s3.url,
      AWS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
    };
    return start(['pull', this.url, ...args], { env });
  }

  /** @returns how it ended, and the bytes that it was sent */
  async pull(args: readonly string[]): Promise<Ended & { sentBytes: number }> {
    const before = this.#sentBytes();
    const ended = await this.start(args).ended;
    return { ...ended, sentBytes: this.#sentBytes() - before };
  }

  /** Kills it `afterMs` behind its `at`-th request for bytes. */
  async pullKilled(args: readonly string[], at: number, afterMs = 0): Promise<Ended & { sentBytes: number }> {
    const before = this.#sentBytes();
    const { child, ended } = this.start(args);
    let gets = 0;
    this.s3.faults = async ({ operation }) => {
      if (operation !== 'GetObject') return undefined;
      gets += 1;
      if (gets === at) setTimeout(() => child.kill('SIGKILL'), afterMs);
      return undefined;
    };
    try {
      return { ...(await ended), sentBytes: this.#sentBytes() - before };
    } finally {
      this.s3.faults = undefined;
    }
  }

  #sentBytes(): number {
    return this.s3.requests.reduce(
      (sum, { operation, bytesOut }) => sum + (operation === 'GetObject' ? bytesOut : 0),
      0,
    );
  }
}
