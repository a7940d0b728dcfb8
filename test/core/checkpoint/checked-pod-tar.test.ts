import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkedPodTar } from '../../../core/checkpoint/checked-pod-tar.ts';
import { containerRecords } from '../../../core/checkpoint/container-records.ts';
import { containerPod } from '../../cli/container-pod.ts';

const FILES = { 'a.tar': 'the memory of a '.repeat(500), 'b.tar': '', 'c.tar.gz': 'c'.repeat(513) };
const { entry, text } = containerPod('p', FILES);
const RECORDS = containerRecords(entry)!;
const TAR = Buffer.from(text, 'latin1');

/** Pieces in memory that is used again for the next one. */
async function* fleeting(bytes: Buffer, chunkBytes: number): AsyncGenerator<Buffer> {
  const memory = Buffer.alloc(chunkBytes);
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    memory.fill(0xee);
    const length = bytes.copy(memory, 0, at, at + chunkBytes);
    yield memory.subarray(0, length);
  }
  memory.fill(0xee);
}

async function passed(bytes: Buffer, chunkBytes: number, records = RECORDS): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of checkedPodTar({ name: 'p.tar', chunks: fleeting(bytes, chunkBytes) }, records)) {
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks);
}

test('what is right passes as it is, in chunks of any size', async () => {
  for (const chunkBytes of [100, 512, 700, 4096, TAR.length]) {
    assert.ok((await passed(TAR, chunkBytes)).equals(TAR), `in chunks of ${chunkBytes}`);
  }
});

test('what is not as the manifest says does not pass to its end', async () => {
  const damaged = Buffer.from(TAR);
  damaged[TAR.indexOf('the memory of a') + 20]! ^= 1;
  await assert.rejects(passed(damaged, 700), /member "a\.tar" does not have the manifest's SHA-256/);
  await assert.rejects(passed(TAR.subarray(0, -1024), 700), /it ends early/);
  await assert.rejects(passed(Buffer.concat([TAR, Buffer.alloc(512)]), 700), /something else follows its end/);
  await assert.rejects(passed(TAR, 700, RECORDS.slice(1)), /names other archives than the manifest/);
});

test('what follows the end without one of its own is refused at once, and not gathered', async () => {
  let asked = 0;
  async function* endless() {
    yield TAR;
    for (; asked < 1000; asked++) yield Buffer.alloc(512);
  }
  const tar = checkedPodTar({ name: 'p.tar', chunks: endless() }, RECORDS);
  await assert.rejects(Array.fromAsync(tar), /something else follows its end/);
  assert.ok(asked < 10, `${asked} chunks behind the end were read`);
});
