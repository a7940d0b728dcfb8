import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { catalogueObject } from '../../core/catalogue/catalogue-archive.ts';
import type { PodfreightError } from '../../core/errors.ts';
import type { Catalogue } from '../../core/ports.ts';
import { errorFromRemote } from '../../core/remote-error.ts';
import { createBundleHandler } from '../../lambda/create-bundle-handler.ts';
import { archiveOf } from '../core/catalogue/archives.ts';
import { memoryCatalogue } from '../memory/catalogue.ts';
import { VersionedArchiveStore } from '../memory/versioned-archive-store.ts';
import { lambdaContext } from './invocation.ts';

describe('create-bundle function', () => {
  let store: VersionedArchiveStore;
  let catalogue: Catalogue;
  let handler: ReturnType<typeof createBundleHandler>;
  beforeEach(async () => {
    store = new VersionedArchiveStore();
    catalogue = memoryCatalogue();
    handler = createBundleHandler({ store, catalogue, bucket: 'bundles', requests: () => ({ s3: 0, dynamodb: 0 }) });
    const location = { bucket: 'archives', key: 'prod/node-1/a/20261122T132000Z.tar.zst' };
    const versionId = store.write(location, await archiveOf([{ sandboxId: 'a', name: 'my-redis' }]));
    const at = '2026-11-22T13:20:05Z';
    await catalogueObject({ kind: 'created', ...location, versionId, sequencer: '00', at }, { store, catalogue });
  });

  /** What the caller makes of the failed invocation. */
  async function failure(event: unknown, remainingMs?: number): Promise<PodfreightError> {
    try {
      await handler(event, lambdaContext(remainingMs));
    } catch (error) {
      const { name, message } = error as Error;
      return errorFromRemote({ errorType: name, errorMessage: message }, 'function create-bundle');
    }
    return assert.fail('the invocation succeeded');
  }

  it('answers with the bundle, in JSON', async () => {
    const result = await handler({ pods: [{ cluster: 'prod', pod: 'default/my-redis' }] }, lambdaContext());
    assert.deepEqual(JSON.parse(JSON.stringify(result)), result);
    assert.ok(result.state === 'ready' && result.created);
    assert.equal(result.pods[0]?.sandboxId, 'a');
    assert.deepEqual(store.keys('bundles'), [result.location.key]);
  });

  it('tells its caller what is wrong', async () => {
    const unknown = await failure({ pods: [{ cluster: 'prod', pod: 'default/web' }] });
    assert.equal(unknown.code, 'not-found');
    assert.match(unknown.message, /default\/web/);
    assert.equal((await failure({ pods: [] })).code, 'usage');
    assert.equal((await failure('hello')).code, 'usage');
  });

  it('keeps a defect to itself', async () => {
    catalogue.pods = async () => {
      throw new TypeError('undefined is not a secret');
    };
    const error = await failure({ pods: [{ cluster: 'prod' }] });
    assert.equal(error.code, 'internal');
    assert.doesNotMatch(error.message, /secret/);
  });

  it('tells what it would do', async () => {
    const answer = await handler({ pods: [{ cluster: 'prod' }], dryRun: true }, lambdaContext());
    assert.equal(answer.state, 'planned');
    assert.deepEqual(store.keys('bundles'), []);
  });

  it('answers in time, and goes on when asked again', async () => {
    const { compose } = store;
    store.compose = async (...args) => {
      const pause = args[3]?.pause;
      await new Promise((resolve) => pause?.addEventListener('abort', resolve, { once: true }));
      return compose.apply(store, args);
    };
    const request = { pods: [{ cluster: 'prod' }] };
    const answer = await handler(request, lambdaContext(30_000));
    assert.ok(answer.state === 'unfinished');
    store.compose = compose;
    const { state } = await handler({ ...request, asOf: answer.asOf }, lambdaContext());
    assert.equal(state, 'ready');
  });
});
