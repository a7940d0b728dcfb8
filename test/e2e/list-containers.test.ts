import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { S3ArchiveStore } from '../../aws/s3-archive-store.ts';
import type { PodRecord } from '../../core/catalogue/records.ts';
import { push } from '../../core/push.ts';
import {
  containerIdOf,
  imageDigestOf,
  type SampleContainer,
  sampleContainer,
  sandboxIdOf,
} from '../checkpoint-samples/container.ts';
import { containerdArchive } from '../checkpoint-samples/containerd.ts';
import { crioArchive } from '../checkpoint-samples/cri-o.ts';
import { sampleShipment } from '../checkpoint-samples/shipment.ts';
import { Cloud } from './cloud.ts';
import { countedDynamoDb } from './counted-dynamodb.ts';
import { PODS, pushBothNodes } from './nodes.ts';

const COUNTER = sampleContainer();
const WEB = sampleContainer({ container: 'web', image: 'registry.example/web:3' });
const ON_B = sampleContainer({
  pod: 'elsewhere',
  uid: '11111111-1f3c-4f6b-8f0e-0f2d5b1c9a22',
  checkpointedAt: '2026-11-20T10:00:00Z',
});

describe('podfreight list of containers', () => {
  let counted: Awaited<ReturnType<typeof countedDynamoDb>>;
  const cloud = new Cloud(async (cloud) => {
    await pushBothNodes(cloud); // as the first checkpointctl packed them: nothing is known of their engine
    await ship(cloud, 'node-a', [COUNTER, WEB], crioArchive);
    await ship(cloud, 'node-b', [ON_B], containerdArchive);
    await cloud.stack.settled();
  });
  before(async () => {
    counted = await countedDynamoDb(cloud.stack.endpoints.dynamodb);
  });
  after(() => counted?.close());

  async function ship(
    cloud: Cloud,
    node: string,
    samples: readonly SampleContainer[],
    archive: typeof crioArchive,
  ): Promise<void> {
    await push(await sampleShipment(samples, { archive }), {
      store: new S3ArchiveStore(cloud.s3),
      bucket: cloud.archives,
      origin: { cluster: 'default', node },
    });
  }

  async function listed(...args: string[]) {
    counted.asked.splice(0);
    const env = { AWS_ENDPOINT_URL_DYNAMODB: counted.url };
    const { code, stdout, stderr } = await cloud.run(['list', ...args, '--json'], { env });
    assert.deepEqual([code, stderr], [0, ''], args.join(' '));
    const { checkpoints } = JSON.parse(stdout) as { checkpoints: PodRecord[] };
    const rows = checkpoints.map(({ origin, name, containers }) => {
      return [origin.node, name, ...containers.map((container) => container.name)].join(' ');
    });
    return { rows: rows.sort(), checkpoints };
  }

  /** One query of an index, of which every item is a row: nothing was scanned or filtered. */
  function wasOneQuery(index: string, rows: number): void {
    assert.deepEqual(counted.asked, [{ call: 'Query', index, scanned: rows, given: rows }]);
  }

  test('one query answers each filter', async () => {
    const counterOnA = 'node-a counters counter';
    const webOnA = 'node-a counters web';
    const onB = 'node-b elsewhere counter';
    const image = COUNTER.image;
    const digest = imageDigestOf(COUNTER);
    const expected: [args: string[], index: string, rows: string[]][] = [
      [['--image', image], 'subject', [counterOnA, onB]],
      [['--image', digest], 'subject', [counterOnA, onB]],
      [['--image', image, '--node', 'node-b'], 'node', [onB]],
      [['--image', digest, '--node', 'node-a'], 'node', [counterOnA]],
      [['--image', image, '--cluster', 'default'], 'cluster', [counterOnA, onB]],
      [['--image', image, '--until', '2026-11-21T00:00:00Z', '--node', 'node-b'], 'node', [onB]],
      [['--engine', 'cri-o'], 'cluster', [counterOnA, webOnA]],
      [['--engine', 'cri-o', '--node', 'node-a'], 'node', [counterOnA, webOnA]],
      [['--engine', 'containerd', '--since', '2026-11-21T00:00:00Z'], 'cluster', []],
      [['--runtime', 'runc', '--node', 'node-a'], 'node', [counterOnA, webOnA]],
      // Of an archive that says nothing about engines, the manifest still names images.
      [['--image', 'localhost/web'], 'subject', ['node-a counters web', 'node-b web web']],
    ];
    for (const [args, index, rows] of expected) {
      assert.deepEqual((await listed(...args)).rows, rows, args.join(' '));
      wasOneQuery(index, rows.length);
    }
    for (const [args, index, count] of [
      [['--node', 'node-b', '--since', '2026-11-21T00:00:00Z'], 'node', 2],
      [['--until', '2026-11-20T10:00:00Z'], 'cluster', 1],
    ] as const) {
      assert.equal((await listed(...args)).rows.length, count, args.join(' '));
      wasOneQuery(index, count);
    }
  });

  test("within one pod's own checkpoints, what is left is looked through", async () => {
    const { rows } = await listed('--pod', 'default/counters', '--engine', 'cri-o');
    assert.deepEqual(rows, ['node-a counters counter', 'node-a counters web']);
    assert.deepEqual(counted.asked, [{ call: 'Query', index: 'subject', scanned: 2, given: 2 }]);
    const web = await listed('--sandbox-id', sandboxIdOf(WEB), '--image', WEB.image);
    assert.deepEqual(web.rows, ['node-a counters web']);
    assert.equal(counted.asked.length, 1);
  });

  test('says all that the engine recorded', async () => {
    const { checkpoints } = await listed('--image', imageDigestOf(COUNTER), '--node', 'node-a');
    const [pod] = checkpoints;
    assert.equal(pod?.sandboxId, sandboxIdOf(COUNTER));
    const [counter] = pod.containers;
    const { sha256 = '', sizeBytes = 0, checkpointBytes = 0, rootfsDiffBytes = 0 } = counter ?? {};
    assert.match(sha256, /^[0-9a-f]{64}$/);
    assert.ok(checkpointBytes > COUNTER.pagesBytes && checkpointBytes < sizeBytes && rootfsDiffBytes > 0);
    assert.deepEqual(counter, {
      id: containerIdOf(COUNTER),
      name: 'counter',
      image: COUNTER.image,
      imageDigest: imageDigestOf(COUNTER),
      engine: 'cri-o',
      runtime: 'runc',
      createdAt: '2026-11-22T13:24:51.656Z',
      checkpointedAt: '2026-11-22T13:31:07.123Z',
      file: 'checkpoint-counters_default-counter-2026-11-22T14:31:07+01:00.tar',
      format: 'tar',
      ...{ sizeBytes, checkpointBytes, rootfsDiffBytes, sha256 },
    });
  });

  test('podfreight list --containers', async () => {
    const { rows } = await listed('--containers', '--pod', 'default/counters');
    assert.deepEqual(rows, [
      'node-a counters counter',
      'node-a counters counter',
      'node-a counters web',
      'node-a counters web',
    ]);
    const { code, stdout, stderr } = await cloud.run(['list', '--containers', '--node', 'node-a', '--show-sandbox-id']);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(
      stdout,
      /\| +CHECKPOINTED +\| NAMESPACE \| +POD +\| CONTAINER \| +IMAGE +\| ENGINE \| RUNTIME \| +NODE +\| +SIZE +\| +SANDBOX ID/,
    );
    assert.match(
      stdout,
      /\| counters +\| web +\| registry\.example\/web:3 +\| cri-o +\| runc +\| node-a \| +\d+\.\d KiB/,
    );
    assert.match(
      stdout,
      new RegExp(`\\| counters +\\| web +\\| localhost/web +\\| +\\| +\\| node-a \\| +\\| ${PODS.counters}`),
    );
  });

  test('podfreight bundle --image sha256:…', async () => {
    const { code, stdout, stderr } = await cloud.run(['bundle', '--image', imageDigestOf(COUNTER), '--json']);
    assert.deepEqual([code, stderr], [0, '']);
    const { pods } = JSON.parse(stdout);
    assert.deepEqual(pods.map(({ name }: { name: string }) => name).sort(), ['counters', 'elsewhere']);
  });

  test('refuses what it cannot list', async () => {
    for (const [args, message] of [
      [['--engine', 'docker'], /cri-o, containerd, podman/],
      [['--image', 'sha256:12ab'], /64 hexadecimal digits/],
      [['--bundles', '--containers'], /no filter/],
      [['--rejected', '--engine', 'cri-o'], /no filter/],
    ] as const) {
      const { code, stderr, stdout } = await cloud.run(['list', ...args]);
      assert.deepEqual([code, stdout], [2, ''], args.join(' '));
      assert.match(stderr, message);
      assert.match(stderr, /^podfreight: [^\n]+\n$/);
    }
  });
});
