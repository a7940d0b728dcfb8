import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { SQSBatchResponse } from 'aws-lambda';
import type { ObjectEvent } from '../../core/catalogue/object-event.ts';
import { PodfreightError } from '../../core/errors.ts';
import type { Catalogue } from '../../core/ports.ts';
import { catalogueHandler } from '../../lambda/catalogue-handler.ts';
import { archiveOf } from '../core/catalogue/archives.ts';
import { memoryCatalogue } from '../memory/catalogue.ts';
import { VersionedArchiveStore } from '../memory/versioned-archive-store.ts';
import { eventBridgeBody, lambdaContext, sqsEvent } from './invocation.ts';

const BUCKET = 'archives';

describe('catalogue function', () => {
  let store: VersionedArchiveStore;
  let catalogue: Catalogue;
  let handler: ReturnType<typeof catalogueHandler>;
  beforeEach(() => {
    store = new VersionedArchiveStore();
    catalogue = memoryCatalogue();
    handler = catalogueHandler({ store, catalogue, archivesBucket: BUCKET });
  });

  let sequence = 0;
  function created(sandboxId: string, bytes: Uint8Array): ObjectEvent {
    sequence += 1;
    const location = { bucket: BUCKET, key: `prod/node-1/${sandboxId}/20261122T132000Z.tar.zst` };
    const versionId = store.write(location, bytes);
    return { kind: 'created', ...location, versionId, sequencer: `00${sequence}`, at: '2026-11-22T13:20:05Z' };
  }
  async function handle(...bodies: string[]): Promise<string[]> {
    const answer: SQSBatchResponse = await handler(sqsEvent(bodies), lambdaContext());
    return answer.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
  }
  async function sandboxIds(): Promise<string[]> {
    const { items } = await catalogue.pods({ by: 'node', cluster: 'prod', node: 'node-1' }, { limit: 100 });
    return items.map(({ sandboxId }) => sandboxId).sort();
  }

  it('catalogues a batch, the same event three times in it', async () => {
    const a = eventBridgeBody(created('a', await archiveOf([{ sandboxId: 'a' }])));
    const b = eventBridgeBody(created('b', await archiveOf([{ sandboxId: 'b' }])));
    assert.deepEqual(await handle(a, b, a, a), []);
    assert.deepEqual(await handle(b), []);
    assert.deepEqual(await sandboxIds(), ['a', 'b']);
  });

  it('fails just the message that is no event', async () => {
    const a = eventBridgeBody(created('a', await archiveOf([{ sandboxId: 'a' }])));
    const elsewhere = eventBridgeBody({ ...created('b', Buffer.from('b')), bucket: 'elsewhere' });
    assert.deepEqual(await handle('hello', a, '{}', elsewhere), ['m0', 'm2', 'm3']);
    assert.deepEqual(await sandboxIds(), ['a']);
  });

  it('is done with an object that is no archive', async () => {
    const event = created('a', Buffer.from('no archive at all'));
    assert.deepEqual(await handle(eventBridgeBody(event)), []);
    assert.equal((await catalogue.archive(event))?.state, 'rejected');
  });

  it('wants the message again when AWS fails', async () => {
    const event = created('a', await archiveOf([{ sandboxId: 'a' }]));
    const { record } = catalogue;
    catalogue.record = async () => {
      throw new PodfreightError('service', 'Not now.');
    };
    assert.deepEqual(await handle(eventBridgeBody(event)), ['m0']);
    catalogue.record = record;
    assert.deepEqual(await handle(eventBridgeBody(event)), []);
    assert.deepEqual(await sandboxIds(), ['a']);
  });
});
