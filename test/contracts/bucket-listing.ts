import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { BucketListing, ListedObject } from '../../core/ports.ts';
import { compareKeys, turnPages } from '../../core/reconcile/merge.ts';

export interface ListingUnderTest {
  readonly listing: BucketListing;
  readonly bucket: string;
  /** @returns the version */
  write(key: string, bytes: Buffer): Promise<string>;
  /** By a delete marker. @returns its version */
  remove(key: string): Promise<string>;
  close(): Promise<void>;
}

/** What every {@link BucketListing} of a versioned bucket does. `open` is called once. */
export function bucketListingContract(name: string, open: () => Promise<ListingUnderTest>): void {
  describe(`bucket listing: ${name}`, () => {
    let subject: ListingUnderTest;
    before(async () => {
      subject = await open();
    });
    after(() => subject?.close());

    async function all(after?: string): Promise<ListedObject[]> {
      const found = [];
      for await (const object of turnPages((from) => subject.listing.newest(subject.bucket, from), after))
        found.push(object);
      return found;
    }

    it('has nothing of an empty bucket', async () => {
      assert.deepEqual(await all(), []);
    });

    it('has the newest version of each key, and markers, in the order of bytes', async () => {
      const keys = ['a', 'a b+c%/d', 'é\u0001<&', '\u{FF5E}', '\u{1F600}', 'z'];
      const newest = new Map<string, string>();
      for (const key of keys) {
        await subject.write(key, Buffer.from('old'));
        newest.set(key, await subject.write(key, Buffer.from('new')));
      }
      newest.set('z', await subject.remove('z'));
      const found = await all();
      assert.deepEqual(
        found.map(({ key, versionId }) => [key, versionId]),
        [...newest].toSorted(([a], [b]) => compareKeys(a, b)),
      );
      assert.deepEqual(
        found.filter(({ isDeleted }) => isDeleted).map(({ key, etag }) => [key, etag]),
        [['z', undefined]],
      );
      const md5OfNew = '"22af645d1859cb5ca6da0c484f1f37ea"';
      assert.equal(found[0]?.etag, md5OfNew);
      assert.ok(found.every(({ modifiedAt }) => modifiedAt instanceof Date && !Number.isNaN(modifiedAt.getTime())));
      assert.deepEqual(
        (await all('a b+c%/d')).map(({ key }) => key),
        ['z', 'é\u0001<&', '\u{FF5E}', '\u{1F600}'],
      );
    });

    it('turns pages, also within the versions of a key', async () => {
      const keys = Array.from({ length: 260 }, (_, i) => `many/${String(i).padStart(3, '0')}`);
      for (const key of keys) for (let i = 0; i < 4; i++) await subject.write(key, Buffer.from(`${i}`));
      assert.deepEqual(
        (await all('many/')).map(({ key }) => key).filter((key) => key.startsWith('many/')),
        keys,
      );
    });

    it('says which bucket there is not', async () => {
      await assert.rejects(subject.listing.newest('no-such-bucket'), { code: 'not-found', message: /no-such-bucket/ });
    });
  });
}
