import assert from 'node:assert/strict';
import { open, rm } from 'node:fs/promises';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { localS3 } from '../aws/local-s3.ts';
import { allArchivesIn, environmentOf, FULL, identitiesOf, keysOf, Node, type Sample, sample, until } from './agent.ts';

const KILLS = FULL ? 60 : 6;
/** One in so many lives begins without the notes of the one before. */
const FORGETS_EACH = FULL ? 12 : 4;

test('podfreight agent  # kill -9 every second while files arrive: each is there exactly once', {
  timeout: 900_000,
}, async (t) => {
  const s3 = await localS3();
  t.after(() => s3[Symbol.asyncDispose]());
  const node = await Node.make(t, 'killed', environmentOf(s3));
  const finished: Sample[] = [];
  let isOver = false;
  const arriving = (async () => {
    for (let i = 0; !isOver; i++) {
      const pod = { pod: `pod-${i >> 1}`, uid: `uid-${i >> 1}`, container: `c${i & 1}`, seed: i };
      const one = sample({ ...pod, pagesBytes: 64 * 1024 });
      await using file = await open(node.path(one), 'w', 0o600);
      for (let at = 0; at < one.bytes.length; at += 30_000) {
        await file.write(one.bytes.subarray(at, at + 30_000));
        await sleep(20);
      }
      finished.push(one);
      await sleep(FULL ? 50 : 300);
    }
  })();

  /** When S3 is done with all that the dead one has sent: what it stores later, nobody who forgot can know of. */
  const settled = async () => {
    await s3.unfinishedUploads();
    await until('S3 has answered', async () => s3.requests.length >= begun);
  };
  let begun = s3.requests.length;
  let puts = 0;
  for (let kills = 0; kills < KILLS; kills++) {
    if (kills % FORGETS_EACH === FORGETS_EACH - 1) {
      await settled();
      await rm(node.state, { force: true });
    }
    const { child, ended } = node.start('--listen', 'none');
    const dead = new AbortController();
    const killAfter = (ms: number) =>
      void sleep(ms, undefined, { signal: dead.signal }).then(
        () => child.kill('SIGKILL'),
        () => {},
      );
    // By the clock, and when it matters most: before S3 has the object, or has just got it, and its answer is on the way.
    const isByClock = kills % 2 === 0;
    killAfter(isByClock ? 1000 : 10_000);
    s3.faults = async ({ operation }) => {
      begun += 1;
      if (operation !== 'PutObject') return undefined;
      puts += 1;
      if (!isByClock) killAfter(40 * Math.random());
      await sleep(15);
      return undefined;
    };
    const { signal, stderr } = await ended;
    dead.abort();
    assert.equal(signal, 'SIGKILL', stderr);
  }
  isOver = true;
  await arriving;
  s3.faults = undefined;
  const before = await keysOf(s3.client, s3.bucket, '');
  const { code, stderr } = await node.flush();
  assert.equal(code, 0, stderr);
  assert.deepEqual(await allArchivesIn(s3), identitiesOf(finished));
  t.diagnostic(
    `${KILLS} kills, ${finished.length} archives, ${puts} puts, ${before.length} objects before the last flush`,
  );
});
