import assert from 'node:assert/strict';
import { randomBytes, randomInt } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { ListMultipartUploadsCommand, ListPartsCommand } from '@aws-sdk/client-s3';
import { openArchive } from '../../core/archive/reader.ts';
import { formatManifest } from '../../core/manifest/manifest.ts';
import { CREDENTIALS, type LocalS3, localS3 } from '../aws/local-s3.ts';
import { manifest, pod } from '../cli/pods.ts';
import { readAll } from '../contracts/archive-store.ts';
import { FULL } from '../crash/slice.ts';
import { start, temporaryFolder } from './podfreight.ts';

const KILLS = FULL ? 100 : 25;
const KILLS_PER_PUSH = 5;
const MiB = 1024 ** 2;
const PART_BYTES = 8 * MiB;
/** Parts that can be on their way when a push dies. */
const PARTS_UNDER_WAY = 8;
const CONTENT = randomBytes(90 * MiB + 12_345);

function push(s3: LocalS3, directory: string, format: string) {
  const env = {
    AWS_ENDPOINT_URL_S3: s3.url,
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
    PODFREIGHT_ARCHIVES_BUCKET: s3.bucket,
  };
  return start(['push', directory, '--node', 'n', '--compress', format, '--json'], { env });
}

for (const format of ['none', 'zstd']) {
  test(`podfreight push -c ${format}  # killed again and again, it goes on where it was`, async (t) => {
    const directory = join(await temporaryFolder(t), 'checkpoints');
    await mkdir(directory);
    await writeFile(join(directory, 'x.tar'), CONTENT);
    await writeFile(join(directory, 'checkpointed.pods'), formatManifest(manifest(pod('x'))));

    for (let killed = 0; killed < KILLS; ) {
      await using s3 = await localS3();
      for (let lives = KILLS_PER_PUSH; ; lives--) {
        const dieAt = lives > 0 ? randomInt(1, 5) : Number.POSITIVE_INFINITY;
        const there = await partsThere(s3);
        let parts = 0;
        const { child, ended } = push(s3, directory, format);
        s3.faults = async ({ operation, query }) => {
          if (operation !== 'UploadPart') return undefined;
          assert.ok(!there.has(Number(query.get('partNumber'))), 'a part that is there is sent again');
          parts += 1;
          if (parts !== dieAt) return undefined;
          await setTimeout(randomInt(0, 40));
          child.kill('SIGKILL');
          return undefined;
        };
        const { signal, code, stderr, stdout } = await ended;
        s3.faults = undefined;
        if (signal === 'SIGKILL') {
          killed += 1;
          continue;
        }
        assert.deepEqual([code, stderr], [0, '']);
        const [{ key, sizeBytes }] = JSON.parse(stdout).archives;
        const source = await s3.store.open({ bucket: s3.bucket, key });
        assert.equal(source.sizeBytes, sizeBytes);
        await assertHolds(source);
        assert.equal(await s3.unfinishedUploads(), 0);

        const sent = s3.requests.filter(({ operation }) => operation === 'UploadPart');
        const bytes = sent.reduce((sum, { bytesIn }) => sum + bytesIn, 0);
        const deaths = KILLS_PER_PUSH - lives;
        t.diagnostic(`${deaths} kills: ${((bytes - sizeBytes) / PART_BYTES).toFixed(1)} parts sent again`);
        assert.ok(bytes <= sizeBytes + deaths * PARTS_UNDER_WAY * PART_BYTES, `${bytes} bytes for ${sizeBytes}`);
        break;
      }
    }
  });
}

async function partsThere({ client, bucket: Bucket }: LocalS3): Promise<ReadonlySet<number>> {
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket }));
  assert.ok(Uploads.length <= 1, `${Uploads.length} unfinished uploads`);
  const [{ Key, UploadId } = {}] = Uploads;
  if (UploadId === undefined) return new Set();
  const { Parts = [] } = await client.send(new ListPartsCommand({ Bucket, Key, UploadId }));
  return new Set(Parts.map(({ PartNumber }) => PartNumber!));
}

async function assertHolds(source: Parameters<typeof openArchive>[0]): Promise<void> {
  const archive = await openArchive(source);
  for await (const { data } of archive.members(new Set(['x.tar']))) {
    const chunks: Buffer[] = [];
    for await (const chunk of data) chunks.push(Buffer.from(chunk));
    assert.ok(Buffer.concat(chunks).equals(CONTENT));
  }
  assert.equal((await readAll(source)).length, source.sizeBytes);
}
