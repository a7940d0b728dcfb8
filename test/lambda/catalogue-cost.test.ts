import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { dynamodbCatalogue } from '../../aws/dynamodb-catalogue.ts';
import { S3ArchiveStore } from '../../aws/s3-archive-store.ts';
import type { ArchiveFormat } from '../../core/archive/format.ts';
import { JSON_BYTES_MAX } from '../../core/manifest/json.ts';
import { formatManifest } from '../../core/manifest/manifest.ts';
import type { ArchiveStore, ObjectLocation } from '../../core/ports.ts';
import { push } from '../../core/push.ts';
import { type Shipment, shipPods } from '../../core/shipment.ts';
import { catalogueHandler } from '../../lambda/catalogue-handler.ts';
import { startCatalogueTable } from '../aws/catalogue-table.ts';
import { type LocalS3, localS3 } from '../aws/local-s3.ts';
import { sampleContainer } from '../checkpoint-samples/container.ts';
import { sampleShipment } from '../checkpoint-samples/shipment.ts';
import { incompressible, manifestOf, type TestPod } from '../core/catalogue/archives.ts';
import { eventBridgeBody, lambdaContext, sqsEvent } from './invocation.ts';

describe('what cataloguing an archive costs', () => {
  let s3: LocalS3;
  let table: Awaited<ReturnType<typeof startCatalogueTable>>;
  const calls: string[] = [];
  before(async () => {
    s3 = await localS3();
    table = await startCatalogueTable();
    const count = (next: (args: never) => unknown) => (args: { request: { headers: Record<string, string> } }) => {
      calls.push(args.request.headers['x-amz-target']?.split('.')[1] ?? '');
      return next(args as never);
    };
    table.client.middlewareStack.add(count as never, { step: 'finalizeRequest', name: 'count' });
  });
  after(async () => {
    await table.close();
    await s3.close();
  });
  beforeEach(() => calls.splice(0));

  /** Pushed as `podfreight push` does. */
  async function stored(pods: readonly TestPod[], format: ArchiveFormat): Promise<ObjectLocation> {
    const modifiedAt = new Date('2026-11-22T13:20:00Z');
    const files = pods.map(({ sandboxId, content = incompressible(100) }) => ({
      ...{ sandboxId, sizeBytes: content.length, modifiedAt },
      async *read() {
        yield content;
      },
    }));
    return pushed(shipPods(manifestOf(pods), files, format));
  }

  async function pushed(shipment: Shipment): Promise<ObjectLocation> {
    const { location } = await push(shipment, {
      store: s3.store as ArchiveStore,
      bucket: s3.bucket,
      origin: { cluster: 'prod', node: 'node-1' },
    });
    return location;
  }

  async function catalogue(location: ObjectLocation) {
    const catalogue = dynamodbCatalogue(table.tableName, table.client);
    const store = new S3ArchiveStore(s3.client, { wholeBytes: JSON_BYTES_MAX });
    const handler = catalogueHandler({ store, catalogue, archivesBucket: s3.bucket });
    const event = { kind: 'created', ...location, sequencer: '00A1', at: '2026-11-22T13:20:05Z' } as const;
    s3.requests.length = 0;
    const { batchItemFailures } = await handler(sqsEvent([eventBridgeBody(event)]), lambdaContext());
    assert.deepEqual(batchItemFailures, []);
    const requests = s3.requests.map(({ operation }) => operation);
    const bytes = s3.requests.reduce((sum, { bytesOut }) => sum + bytesOut, 0);
    const counted = Object.fromEntries(
      [...Map.groupBy(calls, (call) => call)].map(([call, all]) => [call, all.length]),
    );
    return { requests, bytes, calls: counted, archive: await catalogue.archive(location) };
  }

  for (const format of ['tar', 'tar+zstd'] as const) {
    it(`of one pod as ${format}: two reads of 66 KiB at most, two writes`, async () => {
      const location = await stored(
        [{ sandboxId: `one-${format.length}`, content: incompressible(3_000_000) }],
        format,
      );
      const { requests, bytes, calls, archive } = await catalogue(location);
      assert.equal(archive?.state, 'ready');
      assert.deepEqual(requests, ['HeadObject', 'GetObject', 'GetObject']);
      assert.ok(bytes <= 66 * 1024, `${bytes} bytes`);
      assert.deepEqual(calls, { GetItem: 1, BatchWriteItem: 1, PutItem: 1, Query: 1 });
    });

    it(`of 300 pods as ${format}: two reads, a write for every 25 items`, async () => {
      const pods = Array.from({ length: 300 }, (_, i) => ({
        sandboxId: `many-${i}-${format.length}`,
        content: incompressible(300),
      }));
      const { requests, calls, archive } = await catalogue(await stored(pods, format));
      assert.equal(archive?.podCount, 300);
      assert.deepEqual(requests, ['HeadObject', 'GetObject', 'GetObject']);
      const { Query: pages = 0, ...others } = calls;
      // A pod, and its container by its image.
      assert.deepEqual(others, { GetItem: 1, BatchWriteItem: 600 / 25, PutItem: 1 });
      assert.ok(pages <= 2, `${pages} pages`);
    });
  }

  it('of a pod of container archives: two reads, an item for all that is known of each container', async () => {
    const web = sampleContainer({ container: 'web', image: 'registry.example/web:3' });
    const shipment = await sampleShipment([sampleContainer({ pagesBytes: 2_000_000 }), web]);
    const { requests, bytes, calls, archive } = await catalogue(await pushed(shipment));
    assert.equal(archive?.state, 'ready');
    assert.deepEqual(requests, ['HeadObject', 'GetObject', 'GetObject']);
    assert.ok(bytes <= 66 * 1024, `${bytes} bytes`);
    assert.deepEqual(calls, { GetItem: 1, BatchWriteItem: 1, PutItem: 1, Query: 1 });
  });

  it('of 10,000 pods: two reads, and one item that says they are too many', async () => {
    const content = incompressible(1000);
    const pods = Array.from({ length: 10_000 }, (_, i) => ({ sandboxId: `p-${i}`, name: `pod-${i}`, content }));
    assert.ok(formatManifest(manifestOf(pods)).length > 1024 ** 2);
    const { requests, calls, archive } = await catalogue(await stored(pods, 'tar'));
    assert.match(archive?.reason ?? '', /10000 pods/);
    assert.deepEqual(requests, ['HeadObject', 'GetObject', 'GetObject']);
    assert.deepEqual(calls, { GetItem: 1, PutItem: 1, Query: 1 });
  });
});
