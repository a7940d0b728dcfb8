import assert from 'node:assert/strict';
import { test } from 'node:test';
import { archiveHead, archiveTail } from '../../../core/archive/index.ts';
import { createBundle } from '../../../core/bundle/create-bundle.ts';
import { catalogueObject } from '../../../core/catalogue/catalogue-archive.ts';
import { PodfreightError } from '../../../core/errors.ts';
import { formatManifest } from '../../../core/manifest/manifest.ts';
import type { ArchiveStore, ObjectSource } from '../../../core/ports.ts';
import type { Piece } from '../../checkpoint-samples/pieces.ts';
import { PieceSource } from '../../checkpoint-samples/pieces.ts';
import { memoryCatalogue } from '../../memory/catalogue.ts';
import { manifestOf } from '../catalogue/archives.ts';

const GiB = 1024 ** 3;
const BUCKET = 'archives';
const MODIFIED_AT = new Date('2026-11-22T13:20:00Z');

/** A plain archive of one pod of a gibibyte, whose pages are made when they are read. */
async function archiveOfGiB(sandboxId: string): Promise<readonly Piece[]> {
  const head = await archiveHead(formatManifest(manifestOf([{ sandboxId }])), 'tar', MODIFIED_AT);
  const member = { name: `${sandboxId}.tar`, sizeBytes: GiB, modifiedAt: MODIFIED_AT, sha256: '0'.repeat(64) };
  const start = head.bytes.length;
  const wire = { start, end: start + 512 + GiB };
  const tail = await archiveTail([head.member, { ...member, headerBytes: 512, wire, wireCrc32: 1 }], 'tar');
  return [head.bytes, { length: 512 + GiB, seed: 1 }, tail];
}

/** As S3 does it: a request to open, with the end where that is wished, and one for each range. */
class CountingStore implements Pick<ArchiveStore, 'open'> {
  readonly archives = new Map<string, readonly Piece[]>();
  requests = 0;

  async open({ bucket, key }: { bucket: string; key: string }, { tailBytes = 0 } = {}): Promise<ObjectSource> {
    this.requests += 1;
    const pieces = this.archives.get(key);
    if (bucket !== BUCKET || pieces === undefined) {
      if (tailBytes === 0) this.requests += 1; // to learn whether it is the bucket that is missing
      throw new PodfreightError('not-found', `${key} does not exist.`, { subject: { bucket, key } });
    }
    const source = new PieceSource(pieces, key);
    let tailStart = source.sizeBytes - tailBytes;
    return {
      ...{ name: key, sizeBytes: source.sizeBytes, location: { bucket, key }, etag: '"e"', metadata: {} },
      modifiedAt: MODIFIED_AT,
      read: async (range) => {
        if (range.start < tailStart) this.requests += 1;
        else tailStart = source.sizeBytes;
        return source.read(range);
      },
      stream: () => assert.fail('no pages are read'),
      close: async () => {},
    };
  }
}

test('a bundle of eight plain archives of 1 GiB takes at most 70 requests, looking and reading among them', async () => {
  const counting = new CountingStore();
  const store = counting as unknown as ArchiveStore;
  const catalogue = memoryCatalogue();
  for (let i = 0; i < 8; i++) {
    const key = `prod/node-${i}/pod-${i}/20261122T132000Z.tar`;
    counting.archives.set(key, await archiveOfGiB(`pod-${i}`));
    const event = { kind: 'created', bucket: BUCKET, key, sequencer: '01', at: '2026-11-22T13:20:05Z' } as const;
    const { archive } = await catalogueObject(event, { store, catalogue });
    assert.equal(archive.state, 'ready', archive.reason);
  }
  counting.requests = 0;
  const forecast = await createBundle(
    { pods: [{ cluster: 'prod' }], dryRun: true },
    {
      ...{ store, catalogue, bucket: 'bundles', remainingMs: () => 900_000 },
      requests: () => ({ s3: counting.requests, dynamodb: 0 }),
    },
  );
  assert.ok(forecast.state === 'planned' && forecast.exact);
  assert.deepEqual(forecast.parts, { copied: 40, uploaded: 2 });
  // Opened and read, looked for, put together with one range read for the first part, and opened.
  assert.equal(forecast.requests.s3, 8 * 2 + 1 + (40 + 2 + 1 + 3) + 1);
  assert.ok(forecast.requests.s3 <= 70);
});
