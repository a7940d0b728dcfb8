import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Faults, RequestRecord } from '../../infra/local/s3/server.ts';
import { archiveOf, incompressible } from '../core/catalogue/archives.ts';
import { Cloud } from './cloud.ts';

const MiB = 1024 ** 2;
/** Long enough to be copied, and to lend the first part its 5 MiB. */
const POD_BYTES = 11 * MiB;
/** Longer than clients wait who would rather ask again: aws/clients.ts, aws/fetch-range.ts. */
const SLOW_MS = 6_000;

describe('podfreight bundle, counted', () => {
  const records: RequestRecord[] = [];
  let faults: Faults | undefined;
  const cloud = new Cloud(
    async (up) => {
      const content = incompressible(POD_BYTES);
      for (let i = 0; i < 8; i++) {
        const archive = await archiveOf([{ sandboxId: `long-${i}`, content }], { format: 'tar' });
        await up.put(up.archives, `default/node-${i}/long-${i}/20261122T132000Z.tar`, archive);
      }
      await up.stack.settled();
    },
    { s3: { onRequest: (record) => records.push(record), faults: (request) => faults?.(request) } },
  );

  /** Makes a bundle, and says what it took: operations by how often. */
  async function spent(...args: string[]): Promise<Record<string, number>> {
    records.length = 0;
    const { code, stdout, stderr } = await cloud.run([...args, '--json']);
    assert.deepEqual([code, stderr], [0, '']);
    const { created, requests } = JSON.parse(stdout) as { created: boolean; requests: { s3: number } };
    assert.ok(created);
    // Requests are told of when they were answered, which may be a moment after that was read.
    for (let waits = 0; records.length < requests.s3 && waits < 1000; waits++) await delay(10);
    assert.equal(records.length, requests.s3);
    const kinds = Object.groupBy(records, ({ operation }) => operation);
    return Object.fromEntries(Object.entries(kinds).map(([operation, some = []]) => [operation, some.length]));
  }

  /** @param sources each short enough for one copy */
  const least = (sources: number) => ({
    // Of each source its end and its manifest; for the bundle a look whether it is there, and what the first part borrows.
    GetObject: 2 * sources + 2,
    CreateMultipartUpload: 1,
    ListMultipartUploads: 1,
    UploadPartCopy: sources,
    UploadPart: 2,
    CompleteMultipartUpload: 1,
    // When it was made.
    HeadObject: 1,
  });

  test('podfreight bundle --namespace default', async () => {
    assert.deepEqual(await spent('bundle', '--namespace', 'default'), least(8));
  });

  test('podfreight bundle --pod default/long-0 --pod default/long-1, when S3 is slow', async () => {
    let slowed = 0;
    faults = async ({ operation, headers }) => {
      const [, start = 0, end = 0] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '')?.map(Number) ?? [];
      if (operation !== 'UploadPartCopy' && end - start < MiB) return undefined;
      slowed += 1;
      await delay(SLOW_MS);
      return undefined;
    };
    assert.deepEqual(await spent('bundle', '--pod', 'default/long-0', '--pod', 'default/long-1'), least(2));
    assert.equal(slowed, 2 + 1);
  });
});
