import { availableParallelism } from 'node:os';
import type { Worker } from 'node:worker_threads';
import { type Digests, HASHING_HERE, type Hashing } from '../core/archive/hashing.ts';

/** What is shorter is hashed before a thread would have started. */
const LONG_BYTES = 32 * 1024 * 1024;

/** It keeps next to nothing. */
const LIMITS = { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 16 };

/** As text, because the program ships as one file. Replies come in the order of the messages. */
const PROGRAM = `
const { parentPort } = process.getBuiltinModule('node:worker_threads');
const { createHash } = process.getBuiltinModule('node:crypto');
const { crc32 } = process.getBuiltinModule('node:zlib');
const hashes = new Map();
parentPort.on('message', ({ id, bytes }) => {
  if (id === undefined) return parentPort.postMessage(crc32(bytes));
  const hash = hashes.get(id) ?? createHash('sha256');
  if (bytes !== undefined) {
    hashes.set(id, hash.update(bytes));
    parentPort.postMessage(undefined);
  } else {
    hashes.delete(id);
    parentPort.postMessage(hash.digest('hex'));
  }
});`;

/**
 * Computes long digests on a thread of their own, beside the one that moves the bytes, where there is a processor for it.
 * The thread is started when it is first needed, and keeps no process alive.
 */
class HashThread implements Hashing {
  readonly #isWorthIt = availableParallelism() > 1;
  readonly #awaited: PromiseWithResolvers<never>[] = [];
  #worker: Worker | undefined;
  #failure: { readonly error: unknown } | undefined;
  #lastId = 0;

  /** What both threads see: anything else would be copied from one to the other. */
  readonly memory = (sizeBytes: number): Buffer =>
    this.#isWorthIt ? Buffer.from(new SharedArrayBuffer(sizeBytes)) : HASHING_HERE.memory(sizeBytes);

  digests(sizeBytes: number): Digests {
    if (!this.#isWorthIt || sizeBytes < LONG_BYTES) return HASHING_HERE.digests(sizeBytes);
    this.#lastId += 1;
    const id = this.#lastId;
    return {
      update: (bytes) => this.#ask<void>({ id, bytes: shared(bytes) }),
      crc32: (bytes) => this.#ask<number>({ bytes: shared(bytes) }),
      sha256: () => this.#ask<string>({ id }),
    };
  }

  #ask<Reply>(message: { readonly id?: number; readonly bytes?: Buffer }): Promise<Reply> {
    if (this.#failure) return Promise.reject(this.#failure.error);
    this.#worker ??= this.#start();
    const answer = Promise.withResolvers<never>();
    if (this.#awaited.push(answer) === 1) this.#worker.ref();
    this.#worker.postMessage(message);
    return answer.promise;
  }

  #start(): Worker {
    const { Worker } = process.getBuiltinModule('node:worker_threads');
    const worker = new Worker(PROGRAM, { eval: true, env: {}, execArgv: [], resourceLimits: LIMITS });
    worker.on('message', (reply: unknown) => {
      this.#awaited.shift()?.resolve(reply as never);
      if (this.#awaited.length === 0) worker.unref();
    });
    const fail = (error: unknown) => {
      this.#failure ??= { error };
      for (const { reject } of this.#awaited.splice(0)) reject(error);
    };
    worker.on('error', fail);
    worker.on('exit', () => fail(new Error('the thread that computes digests has ended')));
    return worker;
  }
}

function shared(bytes: Buffer): Buffer {
  if (bytes.buffer instanceof SharedArrayBuffer) return bytes;
  const copy = Buffer.from(new SharedArrayBuffer(bytes.length));
  bytes.copy(copy);
  return copy;
}

/** Of this process. */
export const hashThread: Hashing = new HashThread();
