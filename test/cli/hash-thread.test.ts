import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import { hashThread } from '../../cli/hash-thread.ts';

const MiB = 1024 * 1024;
/** Long enough for a thread. */
const LONG_BYTES = 40 * MiB;
const HASH_THREAD = join(import.meta.dirname, '../../cli/hash-thread.ts');

const digestOf = (pieces: readonly Buffer[]) => {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
};

test('long and short digests are right, several at once, in whatever memory the pieces lie', async () => {
  const lengths = [0, 1, 2 * MiB, 2 * MiB - 1];
  const runs = [LONG_BYTES, 0, LONG_BYTES, 5].map((announced, turn) => {
    const pieces = lengths.map((length, at) => {
      const bytes = randomBytes(length);
      if ((at + turn) % 2 === 0) return bytes;
      const memory = hashThread.memory(length + 3).subarray(3);
      bytes.copy(memory);
      return memory;
    });
    return { pieces, digests: hashThread.digests(announced) };
  });
  const updates = lengths.flatMap((_, at) => runs.map(({ digests, pieces }) => digests.update(pieces[at]!)));
  const found = await Promise.all(runs.map(({ digests }) => digests.sha256()));
  await Promise.all(updates);
  assert.deepEqual(
    found,
    runs.map(({ pieces }) => digestOf(pieces)),
  );
});

test('a CRC-32 is of its piece alone, and does not count for the SHA-256', async () => {
  for (const announced of [LONG_BYTES, 5]) {
    const digests = hashThread.digests(announced);
    const pieces = [randomBytes(2 * MiB), Buffer.alloc(0), randomBytes(7)];
    const crcs = pieces.map((piece, at) => [digests.crc32(piece), at > 0 && digests.update(piece)][0]);
    assert.deepEqual(
      await Promise.all(crcs),
      pieces.map((piece) => crc32(piece)),
    );
    assert.equal(await digests.sha256(), digestOf(pieces.slice(1)));
  }
});

test('a piece may be overwritten once its update is fulfilled', async () => {
  const memory = hashThread.memory(MiB);
  const digests = hashThread.digests(LONG_BYTES);
  const expected = createHash('sha256');
  for (let turn = 0; turn < 20; turn++) {
    memory.fill(turn);
    expected.update(memory);
    await digests.update(memory);
  }
  assert.equal(await digests.sha256(), expected.digest('hex'));
});

test('the process waits for a digest, and for nothing after it', () => {
  const script = `
    const { hashThread } = await import(${JSON.stringify(HASH_THREAD)});
    const digests = hashThread.digests(${LONG_BYTES});
    digests.update(Buffer.from('abc'));
    console.log(await digests.sha256());
    hashThread.digests(${LONG_BYTES}).update(Buffer.from('begun and left'));`;
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  assert.equal(stderr, '');
  assert.equal(stdout, 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n');
  assert.equal(status, 0);
});
