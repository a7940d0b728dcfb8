import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openIfThere } from '../../core/open-if-there.ts';
import type { ArchiveKeeper, ArchiveStore } from '../../core/ports.ts';

export interface KeeperUnderTest {
  readonly keeper: ArchiveKeeper;
  readonly store: ArchiveStore;
  readonly bucket: string;
  /** Whether the bucket has locks. */
  readonly hasLocks: boolean;
  write(key: string, bytes: Buffer): Promise<void>;
  /** Tries to remove a version for good. */
  isErasable(key: string, versionId: string): Promise<boolean>;
  close(): Promise<void>;
}

/** What every {@link ArchiveKeeper} of a versioned bucket does. `open` is called once. */
export function archiveKeeperContract(name: string, open: () => Promise<KeeperUnderTest>): void {
  describe(`archive keeper: ${name}`, () => {
    let subject: KeeperUnderTest;
    before(async () => {
      subject = await open();
    });
    after(() => subject?.close());

    it('removes the object that it was told of, once', async () => {
      const location = { bucket: subject.bucket, key: 'prod/n/removed/1.tar' };
      await subject.write(location.key, Buffer.from('old'));
      const { etag } = await subject.store.open(location);
      assert.equal(await subject.keeper.remove(location, etag), true);
      assert.equal(await openIfThere(subject.store, location), undefined);
      assert.equal(await subject.keeper.remove(location, etag), false);
    });

    it('does not remove another object under the same key', async () => {
      const location = { bucket: subject.bucket, key: 'prod/n/replaced/1.tar' };
      await subject.write(location.key, Buffer.from('old'));
      const { etag } = await subject.store.open(location);
      await subject.write(location.key, Buffer.from('new'));
      await assert.rejects(subject.keeper.remove(location, etag), { code: 'source-changed' });
      assert.ok(await openIfThere(subject.store, location));
    });

    it('locks a version where the bucket has locks, and says where it has none', async () => {
      const key = 'prod/n/locked/1.tar';
      await subject.write(key, Buffer.from('kept'));
      const { location } = await subject.store.open({ bucket: subject.bucket, key });
      assert.equal(await subject.keeper.lock(location, true), subject.hasLocks);
      assert.equal(await subject.isErasable(key, location.versionId!), !subject.hasLocks);
      if (!subject.hasLocks) return;
      assert.equal(await subject.keeper.lock(location, false), true);
      assert.equal(await subject.isErasable(key, location.versionId!), true);
    });
  });
}
