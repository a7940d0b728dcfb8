import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { GetObjectCommand, ListMultipartUploadsCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { LocalRegion } from '../../infra/local/region.ts';
import { withoutRepeats } from '../../infra/local/s3/repeats.ts';
import type { RequestRecord } from '../../infra/local/s3/server.ts';
import { type LocalStack, startStack } from '../../infra/local/stack.ts';
import { assertSameBytes } from '../contracts/archive-store.ts';
import { archiveOf, incompressible } from '../core/catalogue/archives.ts';
import { countedDynamoDb } from './counted-dynamodb.ts';
import { podfreight } from './podfreight.ts';

const MiB = 1024 ** 2;
const [EU, US] = ['eu-central-1', 'us-east-1'];
const LONG_BYTES = 12_000_000;
const PODS = ['--pod', 'default/long-1', '--pod', 'default/long-2'];

describe('podfreight in two regions', () => {
  let stack: LocalStack;
  let folder: string;
  let bundleId: string;
  const records: RequestRecord[] = [];
  /** Called when S3 is about to copy a part. */
  let onCopy: (() => Promise<void>) | undefined;

  const region = (name: string): LocalRegion => stack.regions.find((one) => one.name === name)!;
  const setting = (name: string, variable: string): string => region(name).environment[variable]!;
  const bucketOf = (name: string, what: 'ARCHIVES' | 'BUNDLES') => setting(name, `PODFREIGHT_${what}_BUCKET`);
  const run = (name: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    podfreight(args, { cwd: folder, env: { ...region(name).environment, ...env } });
  const contentOf = (n: number) => (n % 2 === 0 ? incompressible(LONG_BYTES).reverse() : incompressible(LONG_BYTES));

  async function withS3<Result>(name: string, work: (client: S3Client) => Promise<Result>): Promise<Result> {
    const client = new S3Client({
      endpoint: setting(name, 'AWS_ENDPOINT_URL_S3'),
      region: name,
      forcePathStyle: true,
      credentials: {
        accessKeyId: setting(name, 'AWS_ACCESS_KEY_ID'),
        secretAccessKey: setting(name, 'AWS_SECRET_ACCESS_KEY'),
      },
    });
    try {
      return await work(client);
    } finally {
      client.destroy();
    }
  }

  async function arrive(name: string, n: number): Promise<void> {
    const Body = await archiveOf([{ sandboxId: `long-${n}`, content: contentOf(n) }]);
    const Key = `default/node-${n}/long-${n}/20261122T132000Z.tar.zst`;
    await withS3(name, (client) =>
      client.send(new PutObjectCommand({ Bucket: bucketOf(name, 'ARCHIVES'), Key, Body })),
    );
    await stack.settled();
  }

  const bundleBytes = (name: string) =>
    withS3(name, async (client) => {
      const asked = { Bucket: bucketOf(name, 'BUNDLES'), Key: `${bundleId}.tar.zst` };
      const { Body } = await client.send(new GetObjectCommand(asked));
      return Buffer.from((await Body?.transformToByteArray()) ?? []);
    });

  async function assertLanded(target: string): Promise<void> {
    for (const n of [1, 2]) assertSameBytes(await readFile(join(folder, target, `long-${n}.tar`)), contentOf(n));
  }

  /** Bytes of bodies that the buckets of that kind sent since the last call, by region. */
  const sentFrom = (what: 'ARCHIVES' | 'BUNDLES') =>
    [EU, US].map((name) =>
      withoutRepeats(records)
        .filter(({ bucket, operation }) => bucket === bucketOf(name, what) && operation === 'GetObject')
        .filter(({ status }) => status < 300) // a refusal has a body, too
        .reduce((sum, { bytesOut }) => sum + bytesOut, 0),
    );

  async function doctor(name: string, env?: Readonly<Record<string, string>>) {
    const { stdout } = await run(name, ['doctor', '--json', '-t', folder], env);
    return JSON.parse(stdout).checks as { check: string; state: string; message: string }[];
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'podfreight-test-'));
    stack = await startStack({
      regions: [EU, US],
      s3: {
        onRequest: (record) => records.push(record),
        faults: async ({ operation }) => {
          if (operation === 'UploadPartCopy') await onCopy?.();
          return undefined;
        },
      },
    });
    await Promise.all([arrive(EU, 1), arrive(US, 2)]);
  });
  after(async () => {
    await stack?.close();
    await rm(folder, { recursive: true, force: true });
  });

  test('podfreight list  # what either region’s events told, from either', async () => {
    for (const name of [EU, US]) {
      const { stdout, stderr } = await run(name, ['list']);
      assert.equal(stderr, '');
      assert.match(stdout, /\| +REGION +\|\n/);
      assert.match(stdout, /\| long-1 .*\| eu-central-1 \|\n/);
      assert.match(stdout, /\| long-2 .*\| us-east-1 +\|\n/);
    }
    const { checkpoints } = JSON.parse((await run(EU, ['list', '--pod', 'default/long-2', '--json'])).stdout);
    assert.equal(checkpoints[0].archive.region, US);
  });

  test('podfreight bundle --pod default/long-1 --pod default/long-2 --region us-east-1', async () => {
    records.length = 0;
    const { stdout, stderr, code } = await run(EU, ['bundle', ...PODS, '--region', US, '--json']);
    assert.deepEqual([code, stderr], [0, '']);
    const made = JSON.parse(stdout);
    bundleId = made.bundleId;
    const key = `${bundleId}.tar.zst`;
    assert.deepEqual(made.location, { bucket: bucketOf(US, 'BUNDLES'), key, region: US });

    const written = records.filter(({ bucket }) => bucket === bucketOf(US, 'BUNDLES'));
    assert.ok(written.filter(({ operation }) => operation === 'UploadPartCopy').length >= 2);
    const uploaded = written.filter(({ operation }) => operation === 'UploadPart');
    assert.equal(
      uploaded.reduce((sum, { bytesIn }) => sum + bytesIn, 0),
      made.bytesThrough,
    );
    assert.ok(made.bytesThrough <= 5 * MiB + 64 * 1024, `${made.bytesThrough} bytes through the function`);
    const read = sentFrom('ARCHIVES').reduce((sum, bytes) => sum + bytes);
    assert.ok(read <= made.bytesThrough + 1 * MiB, `${read} bytes read by the function`);
    assert.equal(made.bytesCopied, made.sizeBytes - made.bytesThrough);
    assert.deepEqual(sentFrom('BUNDLES'), [0, 0]);
    assert.ok(!records.some(({ bucket }) => bucket === bucketOf(EU, 'BUNDLES')));
  });

  test('podfreight pull BUNDLE  # from the region that has it', async () => {
    records.length = 0;
    const { stderr, code } = await run(EU, ['pull', bundleId, '-t', 'from-us']);
    assert.deepEqual([code, stderr], [0, '']);
    await assertLanded('from-us');
    assert.equal(sentFrom('BUNDLES')[0], 0);
  });

  test('podfreight bundle  # the same bundle in the own region, beside the other', async () => {
    const { stdout } = await run(EU, ['bundle', ...PODS]);
    assert.match(stdout, new RegExp(`^Bundle ${bundleId}: 2 pods, .* in eu-central-1\\n$`, 's'));
    assertSameBytes(await bundleBytes(EU), await bundleBytes(US));
    const { bundles } = JSON.parse((await run(US, ['list', '--bundles', '--json'])).stdout);
    assert.deepEqual(
      bundles.map(({ bundleId, location }: { bundleId: string; location: { region: string } }) => [
        bundleId,
        location.region,
      ]),
      [
        [bundleId, EU],
        [bundleId, US],
      ],
    );
    const { stdout: table } = await run(US, ['list', '--bundles']);
    assert.match(table, /\| +REGION +\|\n(.*\n)*.*\| eu-central-1 \|\n(.*\n)*.*\| us-east-1 +\|\n/);
    const again = await run(EU, ['bundle', ...PODS, '--region', US]);
    assert.match(again.stdout, /the same bundle was there already/);
  });

  test('podfreight pull BUNDLE  # from the nearest', async () => {
    for (const [i, name] of [EU, US].entries()) {
      records.length = 0;
      const { code } = await run(name, ['pull', bundleId, '-o', `${name}.tar.zst`]);
      assert.equal(code, 0);
      assert.equal(sentFrom('BUNDLES')[1 - i], 0);
      assertSameBytes(await readFile(join(folder, `${name}.tar.zst`)), await bundleBytes(name));
    }
  });

  test('podfreight pull --pod default/long-1 --pod default/long-2  # each from where it is', async () => {
    const { stderr, code } = await run(US, ['pull', ...PODS, '-t', 'pods']);
    assert.deepEqual([code, stderr.includes('warning')], [0, false]);
    await assertLanded('pods');
  });

  test('podfreight hold --pod default/long-2  # decided where the archive is, as by everybody', async () => {
    const table = await countedDynamoDb(setting(EU, 'AWS_ENDPOINT_URL_DYNAMODB'));
    try {
      for (const command of ['hold', 'unhold']) {
        table.asked.length = 0;
        table.regions.length = 0;
        const env = { AWS_ENDPOINT_URL_DYNAMODB: table.url };
        const { stderr, code } = await run(EU, [command, '--pod', 'default/long-2'], env);
        assert.deepEqual([code, stderr], [0, '']);
        const elsewhere = table.asked.filter((_, i) => table.regions[i] !== US);
        assert.ok(table.asked.some(({ call }) => call === 'PutItem'));
        assert.ok(
          elsewhere.every(({ index }) => index !== undefined),
          JSON.stringify(elsewhere),
        );
      }
    } finally {
      await table.close();
    }
  });

  test('podfreight bundle --region elsewhere  # names the regions there are', async () => {
    for (const [env, message] of [
      [{}, /"sa-east-1"; it is in eu-central-1, us-east-1\.\n$/],
      [{ PODFREIGHT_REGIONS: '' }, /podfreight configure --stack NAME/],
      [{ PODFREIGHT_REGIONS: '[]' }, /\$PODFREIGHT_REGIONS\) must hold a JSON object/],
    ] as const) {
      const { stdout, stderr, code } = await run(EU, ['bundle', ...PODS, '--region', 'sa-east-1'], env);
      assert.deepEqual([stdout, code], ['', 2]);
      assert.match(stderr, message);
    }
  });

  test('podfreight doctor  # also looks at the other regions', async () => {
    const checks = await doctor(US);
    const found = checks.filter(({ check }) => ['archives', 'bundles', 'table', 'function', 'regions'].includes(check));
    assert.deepEqual(
      found.map(({ check, state }) => [check, state]),
      ['archives', 'bundles', 'table', 'function', 'regions'].map((check) => [check, 'ok']),
    );
    assert.match(found.at(-1)?.message ?? '', /^eu-central-1: /);
    // To a bucket of another region, and with table and function asked for in the nearest one.
    const elsewhere = { AWS_REGION: 'eu-west-1', PODFREIGHT_ARCHIVES_BUCKET: bucketOf(EU, 'ARCHIVES') };
    const problems = (all: typeof checks) => all.filter(({ state }) => state === 'problem').map(({ check }) => check);
    assert.deepEqual(problems(await doctor(US, elsewhere)), problems(checks));
  });

  test('a bundle of archives in a region that fails meanwhile leaves nothing, nor does one of a region that is down', async () => {
    await arrive(EU, 3);
    const args = ['bundle', '--pod', 'default/long-3', '--pod', 'default/long-2', '--region', US];
    onCopy = () => region(EU).s3.close();
    const unfinished = () =>
      withS3(US, async (client) => {
        const { Uploads = [] } = await client.send(
          new ListMultipartUploadsCommand({ Bucket: bucketOf(US, 'BUNDLES') }),
        );
        return Uploads.length;
      });
    const meanwhile = await run(US, args);
    assert.ok([13, 14].includes(meanwhile.code ?? -1), `${meanwhile.code} ${meanwhile.stderr}`);
    assert.match(meanwhile.stderr, /^podfreight: [^\n]+\n$/);
    assert.equal(await unfinished(), 0);

    const { stdout, stderr, code } = await run(US, args);
    assert.deepEqual([stdout, code], ['', 13]);
    assert.match(stderr, /^podfreight: The endpoint of s3:\/\/podfreight-archives-\S+ in eu-central-1 does not answer/);
    assert.equal(await unfinished(), 0);
  });

  test('podfreight pull BUNDLE  # from another region when the nearest is down', async () => {
    const { stderr, code } = await run(EU, ['pull', bundleId, '-t', 'from-the-other']);
    assert.equal(code, 0);
    assert.match(
      stderr,
      /warning: .* in eu-central-1 does not answer.* read from s3:\/\/\S+ \(us-east-1\) instead\.\n/,
    );
    await assertLanded('from-the-other');
    const down = (await doctor(US)).find(({ check }) => check === 'regions');
    assert.deepEqual([down?.state, down?.message.includes('ECONNREFUSED')], ['warning', true]);
    const gone = await run(EU, ['pull', 'f'.repeat(32), '-t', 'nowhere']);
    assert.equal(gone.code, 13);
    assert.match(
      gone.stderr,
      /no bundle f+ in s3:\/\/\S+ \(us-east-1\), and elsewhere nobody could look: .*eu-central-1/,
    );
  });
});
