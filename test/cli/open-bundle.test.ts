import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundlePlaces, openBundle } from '../../cli/open-bundle.ts';
import { PodfreightError } from '../../core/errors.ts';
import type { ArchiveStore, ObjectLocation } from '../../core/ports.ts';
import type { Regions } from '../../core/regions.ts';
import { MemoryArchiveStore } from '../memory/archive-store.ts';

const ID = 'ab'.repeat(16);
const EU = { bucket: 'bundles-eu', region: 'eu-central-1' };
const US = { bucket: 'bundles-us', region: 'us-east-1' };
const REGIONS: Regions = new Map(
  [EU, US].map(({ bucket, region }) => [region, { archivesBucket: `${bucket}-not`, bundlesBucket: bucket }]),
);

/** A store in which regions can be down. */
class Fallible {
  readonly inner = new MemoryArchiveStore([EU.bucket, US.bucket]);
  readonly warnings: string[] = [];
  readonly down = new Map<string, PodfreightError>();

  put(bucket: string, extension = '.tar.zst'): this {
    this.inner.overwrite({ bucket, key: `${ID}${extension}` }, Buffer.from(bucket));
    return this;
  }

  fail(bucket: string, code: 'unreachable' | 'access-denied' | 'interrupted'): this {
    this.down.set(bucket, new PodfreightError(code, `${bucket} is ${code}.`));
    return this;
  }

  open(...places: { bucket: string; region?: string }[]) {
    const open = async (location: ObjectLocation) => {
      const failure = this.down.get(location.bucket);
      if (failure !== undefined) throw failure;
      return await this.inner.open(location);
    };
    const warn = (message: string) => this.warnings.push(message);
    return openBundle(ID, places, { store: { open } as ArchiveStore, warn });
  }
}

test('looks in the own region first, and in a bucket of nobody’s before all', () => {
  assert.deepEqual(bundlePlaces(REGIONS, undefined, 'us-east-1'), [US, EU]);
  assert.deepEqual(bundlePlaces(REGIONS, US.bucket, 'eu-west-1'), [EU, US]);
  assert.deepEqual(bundlePlaces(REGIONS, US.bucket, undefined), [US, EU], 'the set bucket tells the region');
  assert.deepEqual(bundlePlaces(REGIONS, 'mine', 'us-east-1'), [{ bucket: 'mine' }, US, EU]);
});

test('opens the first that there is, however it is compressed', async () => {
  const store = new Fallible().put(EU.bucket, '.tar').put(US.bucket);
  assert.deepEqual((await store.open(EU, US)).location, { ...EU, key: `${ID}.tar` });
  assert.deepEqual((await store.open(US, EU)).location, { ...US, key: `${ID}.tar.zst` });
  assert.deepEqual((await new Fallible().put(US.bucket).open(EU, US)).location.bucket, US.bucket);
  assert.deepEqual(store.warnings, []);
});

test('passes over a region that is down or refuses, and says so', async () => {
  for (const code of ['unreachable', 'access-denied'] as const) {
    const store = new Fallible().put(US.bucket).fail(EU.bucket, code);
    assert.equal((await store.open(EU, US)).location.bucket, US.bucket);
    assert.deepEqual(store.warnings, [
      `bundles-eu is ${code}. The bundle is read from s3://bundles-us (us-east-1) instead.`,
    ]);
  }
});

test('what nobody has is not found; what nobody can look for is no more than that', async () => {
  await assert.rejects(new Fallible().open(EU, US), {
    code: 'not-found',
    message: /bundles-eu .* or s3:\/\/bundles-us /,
  });
  await assert.rejects(new Fallible().open({ bucket: EU.bucket }), {
    code: 'not-found',
    message: /in s3:\/\/bundles-eu;/,
  });
  const half = new Fallible().fail(US.bucket, 'unreachable');
  await assert.rejects(half.open(EU, US), { code: 'unreachable', message: /bundles-eu .*elsewhere.* bundles-us is/ });
  const all = new Fallible().fail(EU.bucket, 'unreachable').fail(US.bucket, 'access-denied');
  await assert.rejects(all.open(EU, US), { message: 'bundles-eu is unreachable.' });
  await assert.rejects(new Fallible().open({ bucket: 'no-bucket' }), {
    code: 'not-found',
    message: /bucket no-bucket/,
  });
});

test('looks no further when it is interrupted', async () => {
  const store = new Fallible().put(US.bucket).fail(EU.bucket, 'interrupted');
  await assert.rejects(store.open(EU, US), { code: 'interrupted' });
});
