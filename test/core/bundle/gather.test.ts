import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { openArchive } from '../../../core/archive/reader.ts';
import type { BundleSource } from '../../../core/bundle/bundle-sources.ts';
import { planGatherings } from '../../../core/bundle/gather.ts';
import { layOut } from '../../../core/bundle/lay-out.ts';
import { type PartLimits, S3_PART_LIMITS } from '../../../core/bundle/part-limits.ts';
import { bytesOf } from '../../../core/bundle/plan-parts.ts';
import type { SourceMember } from '../../../core/bundle/runs.ts';
import { parseManifest } from '../../../core/manifest/manifest.ts';
import type { ObjectSource } from '../../../core/ports.ts';
import { MANIFEST_NAME } from '../../../core/sandbox-id.ts';
import { MemoryArchiveStore } from '../../memory/archive-store.ts';
import { archiveOf, content, inChunks, MODIFIED_AT, manifestOf, readAll } from '../archive/sample.ts';

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;
const TiB = 1024 ** 4;

/** S3's rules with KiB for MiB, and few parts. */
const LIMITS: PartLimits = {
  minPartBytes: 5 * 1024,
  maxPartBytes: 64 * 1024,
  maxParts: 40,
  maxObjectBytes: 50e9,
  copyPartBytes: 16 * 1024,
  uploadPartBytes: 16 * 1024,
};

/** A member of each size, alone in its source. */
function membersOf(sizes: readonly number[]): SourceMember[] {
  return sizes.map((sizeBytes, source) => {
    const padded = Math.ceil(sizeBytes / 512) * 512;
    const wire = { start: 1024, end: 1024 + 512 + padded };
    const member = { name: `pod-${source}.tar`, sizeBytes, modifiedAt: MODIFIED_AT, sha256: '0'.repeat(64) };
    return { source, member: { ...member, headerBytes: 512, wire, wireCrc32: source } };
  });
}

function sourcesOf(members: readonly SourceMember[]): BundleSource[] {
  return members.map(({ member }) => {
    const sandboxId = member.name.slice(0, -'.tar'.length);
    const manifest = parseManifest(manifestOf([sandboxId]));
    return { object: {} as ObjectSource, format: 'tar', sandboxIds: [sandboxId], manifest, members: [member] };
  });
}

test('up to 9,984 sources nothing is gathered', () => {
  assert.deepEqual(planGatherings(membersOf(Array(9984).fill(GiB)), S3_PART_LIMITS), []);
  assert.deepEqual(planGatherings(membersOf(Array(60_000).fill(100)), S3_PART_LIMITS), []);
  assert.deepEqual(planGatherings([], S3_PART_LIMITS), []);
});

for (const [what, sizes, copiedTwiceAtMost] of [
  ['10,000 of 1 GiB', Array(10_000).fill(GiB), 25 * GiB],
  ['10,000 of 6 MiB', Array(10_000).fill(6 * MiB), 200 * MiB],
  ['10,000 of all sizes', Array.from({ length: 10_000 }, (_, i) => (i % 500) * MiB), 200 * MiB],
  ['30,000 of 6 MiB', Array(30_000).fill(6 * MiB), 30_000 * 6.1 * MiB],
] as const) {
  test(`${what} make one bundle within all limits, and few bytes are copied twice`, async () => {
    const { plan, gatherings } = await layOut(sourcesOf(membersOf(sizes)), 'tar');
    for (const { parts } of [plan, ...gatherings]) assert.ok(parts.parts.length <= 10_000, `${parts.parts.length}`);
    assert.equal(
      plan.members.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) - plan.members[0]!.sizeBytes,
      sizes.reduce((sum, size) => sum + size, 0),
    );
    const small = sizes.filter((size) => size < 5 * MiB).reduce((sum, size) => sum + size + 1024, 0);
    const own = plan.segments.reduce((sum, one) => sum + (one.kind === 'literal' ? one.bytes.length : 0), 0);
    assert.ok(bytesOf(plan.parts, 'upload') <= 5 * MiB + small + own);
    const twice = gatherings.reduce((sum, { parts }) => sum + parts.sizeBytes, 0);
    assert.ok(twice <= copiedTwiceAtMost, `${twice} bytes copied twice`);
    for (const { parts } of gatherings) assert.equal(bytesOf(parts, 'upload'), 0);
  });
}

test('what no parts can hold is refused', async () => {
  await assert.rejects(layOut(sourcesOf(membersOf(Array(60).fill(TiB))), 'tar'), { code: 'unsupported' });
});

test('a bundle of more archives than parts is an archive of exactly these', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(fc.nat(4000), fc.nat(30_000)), { minLength: 40, maxLength: 90 }),
      async (sizes) => {
        const store = new MemoryArchiveStore(['archives']);
        const pods = sizes.map((size, i) => content(size, i));
        const sources = await Promise.all(pods.map((pod, i) => storedArchive(store, `pod-${i}`, pod)));
        const { gatherings, plan } = await layOut(sources, 'tar', LIMITS);
        const objects = sources.map(({ object }) => object);
        for (const [i, { parts }] of [...gatherings, plan].entries()) {
          assert.ok(parts.parts.length <= LIMITS.maxParts);
          const location = { bucket: 'archives', key: `made-${i}` };
          await store.compose(location, parts, objects);
          objects.push(await store.open(location));
        }
        const read = await readAll(await openArchive(objects.at(-1)!));
        assert.equal(read.size, pods.length);
        for (const [i, pod] of pods.entries()) assert.ok(read.get(`pod-${i}.tar`)?.equals(pod));
      },
    ),
    { numRuns: 20 },
  );
});

async function storedArchive(store: MemoryArchiveStore, sandboxId: string, pod: Buffer): Promise<BundleSource> {
  const { bytes, written } = await archiveOf({ [sandboxId]: pod }, 'tar');
  const location = { bucket: 'archives', key: sandboxId };
  await store.put(location, inChunks(bytes, 10_000), { sizeBoundBytes: bytes.length });
  const manifest = parseManifest(manifestOf([sandboxId]));
  const members = written.index()!.members.filter(({ name }) => name !== MANIFEST_NAME);
  return { object: await store.open(location), format: 'tar', sandboxIds: [sandboxId], manifest, members };
}
