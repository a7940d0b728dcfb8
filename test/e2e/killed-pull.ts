import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { createCipheriv } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { contentOf, framesOf } from '../../core/archive/frame-run.ts';
import { openArchive } from '../../core/archive/reader.ts';
import { writeArchive } from '../../core/archive/writer.ts';
import { formatManifest } from '../../core/manifest/manifest.ts';
import { type ByteRange, rangeLength } from '../../core/range.ts';
import type { Fault } from '../../infra/local/s3/server.ts';
import { CREDENTIALS, type LocalS3, localS3 } from '../aws/local-s3.ts';
import { manifest, pod } from '../cli/pods.ts';
import { MemorySource } from '../core/archive/memory-source.ts';
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
  return new Map([
    ...smallPods(seed),
    ['large-1', memory(50 * MiB + 5, seed + 7)],
    ['large-2', memory(40 * MiB, seed + 9)],
  ]);
}

export function smallPods(seed: number): Map<string, Buffer> {
  return new Map([1, 2, 3].map((i) => [`small-${i}`, memory(1_100_000 + i, seed + i)]));
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

/** What a pull that was cut off has left. */
export interface Kept {
  /** What it need not fetch again. */
  readonly wireBytes: number;
  readonly pieces: number;
}

/** A pull that was ended halfway. */
export interface Halfway extends Kept {
  /** From the signal to its end. */
  readonly endedAfterMs: number;
}

export interface PullEnd extends Ended {
  /** Of the archive, each byte once. */
  readonly askedBytes: number;
}

/** An endpoint with one archive, of which pulls can be killed. */
export class PulledArchive {
  readonly s3: LocalS3;
  readonly location: { readonly bucket: string; readonly key: string };
  readonly sizeBytes: number;
  /** By its journal's `<file> <start> <end>`: the wire bytes of a piece. */
  readonly #pieces: ReadonlyMap<string, number>;

  private constructor(s3: LocalS3, key: string, sizeBytes: number, pieces: ReadonlyMap<string, number>) {
    this.s3 = s3;
    this.location = { bucket: s3.bucket, key };
    this.sizeBytes = sizeBytes;
    this.#pieces = pieces;
  }

  static async make(t: TestContext, archive: Buffer, key: string): Promise<PulledArchive> {
    const s3 = await localS3();
    t.after(() => s3.close());
    const pulled = new PulledArchive(s3, key, archive.length, await piecesOf(archive));
    await s3.overwrite(pulled.location, archive);
    return pulled;
  }

  get url(): string {
    return `s3://${this.location.bucket}/${this.location.key}`;
  }

  get environment(): Record<string, string> {
    return {
      AWS_ENDPOINT_URL: this.s3.url,
      AWS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
    };
  }

  async pull(args: readonly string[]): Promise<PullEnd> {
    const asked = this.#listen();
    const ended = await this.#start(args).ended;
    return { ...ended, askedBytes: lengthOf(asked) };
  }

  /** Kills it `afterMs` after it has asked for `atBytes`. */
  async pullKilled(args: readonly string[], atBytes: number, afterMs: number): Promise<PullEnd> {
    const { child, ended } = this.#start(args);
    let isOver = false;
    const asked = this.#listen((bytes) => {
      if (isOver || bytes < atBytes) return undefined;
      isOver = true;
      setTimeout(() => child.kill('SIGKILL'), afterMs);
      return undefined;
    });
    return { ...(await ended), askedBytes: lengthOf(asked) };
  }

  /** Kills it when it has kept some of a large pod, and not all, as what comes last waits until it is dead. */
  async killHalfway(args: readonly string[], folder: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<Halfway> {
    const { child, ended } = this.#start(args);
    let killedAt = 0;
    this.#listen(async (bytes) => {
      if (bytes < this.sizeBytes * 0.7) return undefined;
      while ((await this.kept(folder)).pieces < HALFWAY_PIECES && isRunning(child)) await sleep(20);
      if (!child.killed) {
        killedAt = performance.now();
        child.kill(signal); // a second SIGTERM would not let it clean up
      }
      return signal === 'SIGKILL' ? 'hang' : undefined;
    });
    const { stderr } = await ended;
    const endedAfterMs = performance.now() - killedAt;
    assert.ok(child.signalCode === signal || signal === 'SIGTERM', `it ended by itself: ${stderr}`);
    const kept = await this.kept(folder);
    assert.ok(kept.pieces >= HALFWAY_PIECES);
    return { ...kept, endedAfterMs };
  }

  /**
   * As `killHalfway`, of an archive whose pods land as other files.
   * @returns how many bytes of contents were kept
   */
  async killHalfwayThrough(args: readonly string[], folder: string): Promise<number> {
    const { child, ended } = this.#start(args);
    this.#listen(async (bytes) => {
      if (bytes < this.sizeBytes * 0.7) return undefined;
      while ((await keptLines(folder)).size < HALFWAY_PIECES && isRunning(child)) await sleep(20);
      child.kill('SIGKILL');
      return 'hang';
    });
    const { stderr } = await ended;
    assert.equal(child.signalCode, 'SIGKILL', `it ended by itself: ${stderr}`);
    let keptBytes = 0;
    for (const line of await keptLines(folder)) {
      const [, start, end] = line.split(' ');
      keptBytes += Number(end) - Number(start);
    }
    return keptBytes;
  }

  /** By the journals below `folder`. */
  async kept(folder: string): Promise<Kept> {
    const lines = await keptLines(folder);
    let wireBytes = 0;
    const pieces = [...lines].map((line) => line.split(' ')).sort((a, b) => Number(a[1]) - Number(b[1]));
    let reached = 0;
    for (const [file, start, end] of pieces) {
      if (file === 'data') {
        // They overlap where a damaged one was replaced.
        wireBytes += Math.max(0, Number(end) - Math.max(reached, Number(start)));
        reached = Math.max(reached, Number(end));
      } else {
        wireBytes += this.#pieces.get(`${file} ${start} ${end}`)!;
      }
    }
    return { wireBytes, pieces: lines.size };
  }

  /**
   * From now on.
   * @param meddle is told how many bytes were asked for, the ones at hand among them
   * @returns grows with what is asked for
   */
  #listen(meddle: (bytes: number) => Fault | undefined | Promise<Fault | undefined> = () => undefined): ByteRange[] {
    const asked: ByteRange[] = [];
    this.s3.faults = ({ operation, headers }) => {
      if (operation !== 'GetObject') return undefined;
      const [, start, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? [];
      asked.push({ start: Number(start), end: Number(last) + 1 });
      return meddle(lengthOf(asked));
    };
    return asked;
  }

  #start(args: readonly string[]) {
    return start(['pull', this.url, ...args], { env: this.environment });
  }
}

function isRunning({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null;
}

/** Of the journals below `folder`. */
async function keptLines(folder: string): Promise<Set<string>> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const journals = names.filter((name) => basename(name) === 'journal');
  const texts = await Promise.all(journals.map((name) => readFile(join(folder, name), 'latin1').catch(() => '')));
  return new Set(texts.flatMap((text) => text.split('\n').slice(0, -1)));
}

/** Of all ranges together: what is asked for again because an answer is slow counts once. */
function lengthOf(ranges: readonly ByteRange[]): number {
  let end = 0;
  let length = 0;
  for (const range of ranges.toSorted((a, b) => a.start - b.start)) {
    length += Math.max(range.end - Math.max(range.start, end), 0);
    end = Math.max(end, range.end);
  }
  return length;
}

/** More than small pods have. */
const HALFWAY_PIECES = 7;

async function piecesOf(archive: Buffer): Promise<ReadonlyMap<string, number>> {
  const { index } = await openArchive(new MemorySource(archive));
  const frames = index!.members.flatMap((member) => [...framesOf(member)]);
  return new Map(
    frames.map((frame) => {
      const { start, end } = contentOf(frame);
      return [`${frame.member.name} ${start} ${end}`, rangeLength(frame.wire)];
    }),
  );
}
