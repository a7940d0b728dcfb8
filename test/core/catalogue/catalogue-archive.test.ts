import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, it } from 'node:test';
import { openArchive } from '../../../core/archive/reader.ts';
import { choosePods } from '../../../core/bundle/choose-pods.ts';
import { catalogueObject } from '../../../core/catalogue/catalogue-archive.ts';
import type { ObjectEvent } from '../../../core/catalogue/object-event.ts';
import { PodfreightError } from '../../../core/errors.ts';
import type { Catalogue } from '../../../core/ports.ts';
import { memoryCatalogue } from '../../memory/catalogue.ts';
import { VersionedArchiveStore } from '../../memory/versioned-archive-store.ts';
import { MemorySource } from '../archive/memory-source.ts';
import { archiveOf, contentOf, incompressible, manifestOf, type TestPod } from './archives.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures');
const BUCKET = 'archives';
const KEY = 'prod/node-1/sandbox-1/20261122T132000Z.tar.zst';
const POD: TestPod = { sandboxId: 'sandbox-1', namespace: 'default', name: 'my-redis' };

describe('catalogueObject', () => {
  let store: VersionedArchiveStore;
  let catalogue: Catalogue;
  let sequence: number;
  beforeEach(() => {
    store = new VersionedArchiveStore();
    catalogue = memoryCatalogue();
    sequence = 0;
  });

  function event(overrides: Partial<ObjectEvent> = {}): ObjectEvent {
    sequence += 1;
    const sequencer = `00${sequence.toString(16).toUpperCase().padStart(4, '0')}`;
    return { kind: 'created', bucket: BUCKET, key: KEY, sequencer, at: '2026-11-22T13:20:05Z', ...overrides };
  }
  const created = (bytes: Uint8Array, key = KEY) =>
    event({ key, versionId: store.write({ bucket: BUCKET, key }, bytes) });
  function deleted(): ObjectEvent {
    store.delete({ bucket: BUCKET, key: KEY });
    return event({ kind: 'deleted' });
  }
  const handle = (told: ObjectEvent) => catalogueObject(told, { store, catalogue });
  const podsNow = async () => {
    const { items } = await catalogue.pods({ by: 'cluster', cluster: 'prod' }, { limit: 100 });
    return items.map(({ sandboxId }) => sandboxId).sort();
  };

  it('records an archive of ours from its index, reading little of it', async () => {
    const big = { ...POD, content: Buffer.alloc(3_000_000, 'page') };
    const other: TestPod = {
      sandboxId: 'sandbox-2',
      modifiedAt: new Date('2026-11-22T12:00:00Z'),
      content: incompressible(2_000_000),
    };
    const bytes = await archiveOf([big, other]);
    const told = created(bytes);
    const { isNewest } = await handle(told);

    assert.equal(isNewest, true);
    assert.deepEqual(await catalogue.archive({ bucket: BUCKET, key: KEY }), {
      location: { bucket: BUCKET, key: KEY, versionId: told.versionId },
      state: 'ready',
      etag: `"${createHash('md5').update(bytes).digest('hex')}"`,
      sizeBytes: bytes.length,
      format: 'tar+zstd',
      indexed: true,
      origin: { cluster: 'prod', node: 'node-1' },
      podCount: 2,
      sequencer: told.sequencer,
      at: told.at,
    });
    const { items } = await catalogue.podsOf({ bucket: BUCKET, key: KEY }, { limit: 10 });
    assert.deepEqual(items[0], {
      sandboxId: 'sandbox-1',
      name: 'my-redis',
      namespace: 'default',
      uid: 'uid-of-my-redis',
      origin: { cluster: 'prod', node: 'node-1' },
      containers: [{ name: 'main', id: 'c-sandbox-1', image: 'redis:7' }],
      checkpointedAt: '2026-11-22T13:20:00Z',
      storedAt: '2026-11-22T16:00:00Z',
      sizeBytes: 3_000_000,
      sha256: createHash('sha256').update(contentOf(big)).digest('hex'),
      archive: {
        bucket: BUCKET,
        key: KEY,
        versionId: told.versionId,
        etag: `"${createHash('md5').update(bytes).digest('hex')}"`,
      },
    });
    assert.equal(items[1]?.checkpointedAt, '2026-11-22T12:00:00Z');
    const readBytes = store.reads.reduce((sum, { start, end }) => sum + end - start, 0);
    assert.ok(bytes.length > 2_000_000 && readBytes < 200_000, `${readBytes} of ${bytes.length} bytes were read`);
  });

  it('takes an archive that says that it is of the future for the newest only until the next one comes', async () => {
    const taken = async (node: string, hour: string, at: string) => {
      store.now = new Date(`2026-11-22T${hour}:30:00Z`);
      const key = `prod/${node}/sandbox-${hour}/x.tar.zst`;
      const pod = { ...POD, sandboxId: `sandbox-${hour}`, modifiedAt: new Date(at) };
      await handle(created(await archiveOf([pod]), key));
    };
    await taken('node-1', '13', '2026-11-22T13:29:00Z');
    await taken('node-2', '14', '2099-01-01T00:00:00Z');
    const query = { by: 'pod', cluster: 'prod', namespace: 'default', name: 'my-redis' } as const;
    const newest = async (until?: string) => {
      const [pod] = await choosePods(
        [{ cluster: 'prod', pod: 'default/my-redis', ...(until && { at: until }) }],
        catalogue,
      );
      return pod?.sandboxId;
    };
    assert.equal(await newest(), 'sandbox-14');
    await taken('node-1', '15', '2026-11-22T15:29:00Z');
    assert.equal(await newest(), 'sandbox-15');
    assert.equal(await newest('2026-11-22T15:00:00Z'), 'sandbox-14');
    const { items } = await catalogue.pods(query, { limit: 10 });
    assert.deepEqual(
      items.map(({ checkpointedAt, claimedAt }) => [checkpointedAt, claimedAt]),
      [
        ['2026-11-22T15:29:00Z', undefined],
        ['2026-11-22T14:30:00Z', '2099-01-01T00:00:00Z'],
        ['2026-11-22T13:29:00Z', undefined],
      ],
    );
  });

  it("records what the old checkpointctl wrote, with the object's time, which is all there is", async () => {
    store.now = new Date('2026-11-22T15:00:00.700Z');
    const { archive } = await handle(created(readFileSync(join(FIXTURES, 'node-a.tar.zst'))));
    assert.equal(archive.state, 'ready');
    assert.equal(archive.indexed, false);
    assert.equal(archive.podCount, 2);
    const { items } = await catalogue.podsOf({ bucket: BUCKET, key: KEY }, { limit: 10 });
    assert.deepEqual(items.map(({ name }) => name).sort(), ['counters', 'my-redis']);
    for (const pod of items) {
      assert.equal(pod.checkpointedAt, '2026-11-22T15:00:00Z');
      assert.equal(pod.sizeBytes, undefined);
      assert.equal(pod.sha256, undefined);
    }
  });

  it("takes the object's time where a member says 1970", async () => {
    store.now = new Date('2026-11-22T15:00:00Z');
    await handle(created(await archiveOf([{ ...POD, modifiedAt: new Date(0) }])));
    const { items } = await catalogue.podsOf({ bucket: BUCKET, key: KEY }, { limit: 10 });
    assert.equal(items[0]?.checkpointedAt, '2026-11-22T15:00:00Z');
  });

  it('walks a plain tar from elsewhere once, and gives up on one that takes too many reads', async () => {
    const pods = (count: number) =>
      Array.from({ length: count }, (_, i) => ({ sandboxId: `s${i}`, content: Buffer.alloc(5000) }));
    const plain = async (count: number) => {
      const bytes = await archiveOf(pods(count), { format: 'tar' });
      const { index } = await openArchive(new MemorySource(bytes));
      return bytes.subarray(0, index!.endOfTar.end);
    };
    const { archive } = await handle(created(await plain(100)));
    assert.deepEqual([archive.state, archive.indexed, archive.podCount], ['ready', false, 100]);
    assert.ok(store.reads.length < 110, `${store.reads.length} reads`);
    const many = await handle(created(await plain(600), 'prod/node-1/many/20261122T132000Z.tar'));
    assert.equal(many.archive.state, 'rejected');
    assert.match(many.archive.reason ?? '', /too much reading; push it with podfreight/);
  });

  describe('records with its reason', () => {
    const rejects: Record<string, [bytes: () => Buffer | Promise<Buffer>, reason: RegExp, key?: string]> = {
      'an empty object': [() => Buffer.alloc(0), /./],
      'a text': [() => Buffer.from('hello '.repeat(1000)), /archive/],
      'an archive that ends in the middle': [async () => (await archiveOf([POD])).subarray(0, 300), /./],
      'a container checkpoint': [() => readFileSync(join(FIXTURES, 'podman-counter.tar.zst')), /refused/],
      'a broken manifest': [() => tarOf('checkpointed.pods', '{"version": "x"}'), /version/],
      'a manifest that names a pod which is not there': [
        () => archiveOf([POD], { manifest: manifestOf([POD, { sandboxId: 'sandbox-2' }]) }),
        /sandbox-2\.tar/,
      ],
      'a member that the manifest does not name': [
        () => archiveOf([POD, { sandboxId: 'sandbox-2' }], { manifest: manifestOf([POD]) }),
        /sandbox-2\.tar/,
      ],
      'a pod name too long to be a key': [() => archiveOf([{ ...POD, name: 'ä'.repeat(257) }]), /512 bytes/],
      'an archive where no node pushes': [() => archiveOf([POD]), /<cluster>/, 'upload.tar.zst'],
    };
    for (const [what, [bytes, reason, key]] of Object.entries(rejects)) {
      it(what, async () => {
        const told = created(await bytes(), key);
        await handle(told);
        await handle(told); // again: neither an error nor a change
        const archive = await catalogue.archive(told);
        assert.equal(archive?.state, 'rejected');
        assert.match(archive.reason ?? '', reason);
        assert.deepEqual(await podsNow(), []);
      });
    }
  });

  it('passes on what may pass by itself, and records nothing', async () => {
    const told = created(await archiveOf([POD]));
    for (const code of ['service', 'unreachable', 'access-denied', 'source-changed'] as const) {
      store.open = async () => {
        throw new PodfreightError(code, 'Not now.');
      };
      await assert.rejects(handle(told), { code });
    }
    store.open = async () => {
      throw new PodfreightError('not-found', 'No such bucket.', { subject: { bucket: BUCKET } });
    };
    await assert.rejects(handle(told), { code: 'not-found' });
    assert.equal(await catalogue.archive(told), undefined);
  });

  it('ends the same whatever order the events of a life come in', async () => {
    const first = created(await archiveOf([POD]));
    const gone = deleted();
    const second = created(await archiveOf([{ sandboxId: 'sandbox-2' }]));
    for (const order of permutations([first, gone, second, first, gone])) {
      catalogue = memoryCatalogue();
      for (const told of order) await handle(told);
      const archive = await catalogue.archive({ bucket: BUCKET, key: KEY });
      assert.equal(archive?.state, 'ready');
      assert.equal(archive.location.versionId, second.versionId);
      assert.deepEqual(await podsNow(), ['sandbox-2']);
    }
  });

  it('forgets the pods of an archive that is deleted', async () => {
    await handle(created(await archiveOf([POD])));
    await handle(deleted());
    assert.equal((await catalogue.archive({ bucket: BUCKET, key: KEY }))?.state, 'deleted');
    assert.deepEqual(await podsNow(), []);
  });

  it('takes a creation whose version is gone for a deletion', async () => {
    const told = created(await archiveOf([POD]));
    store.delete({ bucket: BUCKET, key: KEY, ...(told.versionId !== undefined && { versionId: told.versionId }) });
    const { archive } = await handle(told);
    assert.equal(archive.state, 'deleted');
    assert.deepEqual(await podsNow(), []);
  });

  it('keeps the archive when only an old version of it is removed for good', async () => {
    const old = created(await archiveOf([POD]));
    const marker = deleted();
    const second = created(await archiveOf([{ sandboxId: 'sandbox-2' }]));
    for (const told of [old, marker, second]) await handle(told);
    store.delete({ bucket: BUCKET, key: KEY, versionId: old.versionId! });
    await handle(event({ kind: 'deleted', versionId: old.versionId! }));
    assert.equal((await catalogue.archive({ bucket: BUCKET, key: KEY }))?.state, 'ready');
    assert.deepEqual(await podsNow(), ['sandbox-2']);
  });

  it('has the archive back when its delete marker is removed', async () => {
    await handle(created(await archiveOf([POD])));
    await handle(deleted());
    store.delete({ bucket: BUCKET, key: KEY, versionId: 'v2' });
    await handle(event({ kind: 'deleted', versionId: 'v2' }));
    assert.deepEqual(await podsNow(), ['sandbox-1']);
  });
});

function* permutations<T>(items: readonly T[]): Generator<T[]> {
  if (items.length === 0) yield [];
  for (const [i, item] of items.entries()) {
    for (const rest of permutations([...items.slice(0, i), ...items.slice(i + 1)])) yield [item, ...rest];
  }
}

/** A plain ustar of one member. */
function tarOf(name: string, text: string): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write('0000600\0', 100);
  header.write(`${text.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        0', 148);
  header.write('ustar\0' + '00', 257);
  header.write(
    `${header
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
  );
  const body = Buffer.alloc(512);
  body.write(text);
  return Buffer.concat([header, body, Buffer.alloc(1024)]);
}
