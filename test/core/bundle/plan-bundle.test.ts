import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ArchiveFormat } from '../../../core/archive/format.ts';
import { openArchive } from '../../../core/archive/reader.ts';
import { bundleId } from '../../../core/bundle/bundle-id.ts';
import type { PartLimits } from '../../../core/bundle/part-limits.ts';
import { type BundlePlan, planBundle } from '../../../core/bundle/plan-bundle.ts';
import { bytesOf, composeRequests } from '../../../core/bundle/plan-parts.ts';
import { isCopied, lengthOf, runsOf, type SourceMember } from '../../../core/bundle/runs.ts';
import { segmentLength } from '../../../core/bundle/segments.ts';
import type { ObjectSource } from '../../../core/ports.ts';
import { rangeLength } from '../../../core/range.ts';
import { MANIFEST_NAME } from '../../../core/sandbox-id.ts';
import { MemoryArchiveStore } from '../../memory/archive-store.ts';
import { archiveOf, content, inChunks, MODIFIED_AT, manifestOf, readAll } from '../archive/sample.ts';

/** S3's rules with KiB for MiB. */
const LIMITS: PartLimits = {
  minPartBytes: 5 * 1024,
  maxPartBytes: 5 * 1024 ** 2,
  maxParts: 10_000,
  maxObjectBytes: 50e9,
  copyPartBytes: 128 * 1024,
  uploadPartBytes: 16 * 1024,
};

interface Fleet {
  readonly store: MemoryArchiveStore;
  readonly sources: readonly ObjectSource[];
  readonly members: readonly SourceMember[];
}

/** One stored archive for each record of pods. */
async function fleetOf(archives: readonly Readonly<Record<string, Buffer>>[], format: ArchiveFormat): Promise<Fleet> {
  const store = new MemoryArchiveStore(['archives']);
  const sources: ObjectSource[] = [];
  const members: SourceMember[] = [];
  for (const [source, pods] of archives.entries()) {
    const { bytes, written } = await archiveOf(pods, format);
    const location = { bucket: 'archives', key: `${source}` };
    await store.put(location, inChunks(bytes, 10_000), { sizeBoundBytes: bytes.length });
    sources.push(await store.open(location));
    for (const member of written.index()!.members) {
      if (member.name !== MANIFEST_NAME) members.push({ source, member });
    }
  }
  return { store, sources, members };
}

function planOf(members: readonly SourceMember[], format: ArchiveFormat): Promise<BundlePlan> {
  const sandboxIds = members.map(({ member }) => member.name.slice(0, -'.tar'.length)).sort();
  return planBundle({ manifest: manifestOf(sandboxIds), modifiedAt: MODIFIED_AT, format, members }, LIMITS);
}

async function bundleOf({ store, sources }: Fleet, plan: BundlePlan): Promise<ObjectSource> {
  const location = { bucket: 'archives', key: 'bundle' };
  store.remove(location);
  await store.compose(location, plan.parts, sources);
  return await store.open(location);
}

const sizes = fc.array(fc.oneof(fc.nat(3000), fc.nat(60_000), fc.constant(300_000)), { minLength: 1, maxLength: 4 });

for (const format of ['tar', 'tar+zstd'] as const) {
  test(`a ${format} bundle of any pods of any archives is an archive of exactly these`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(sizes, { minLength: 1, maxLength: 4 }),
        fc.infiniteStream(fc.boolean()),
        async (nodes, choice) => {
          const pods: Record<string, Buffer> = {};
          const archives = nodes.map((ofNode, node) => {
            const archive = ofNode.map((size, i) => [`pod-${node}-${i}`, content(size, node * 10 + i)] as const);
            Object.assign(pods, Object.fromEntries(archive));
            return Object.fromEntries(archive);
          });
          const fleet = await fleetOf(archives, format);
          const chosen = fleet.members.filter((_, i) => i === 0 || choice.next().value);
          const plan = await planOf(chosen, format);

          const archive = await openArchive(await bundleOf(fleet, plan));
          assert.equal(archive.format, format);
          const read = await readAll(archive);
          assert.deepEqual([...read.keys()].sort(), chosen.map(({ member }) => member.name).sort());
          for (const [name, bytes] of read) assert.ok(bytes.equals(pods[name.slice(0, -4)]!), name);
          assert.deepEqual(archive.index?.members, plan.members);

          assertLittleThrough(plan, chosen);
        },
      ),
      { numRuns: 40 },
    );
  });
}

/** No more goes through us than S3's rules make necessary, in few requests. */
function assertLittleThrough(plan: BundlePlan, chosen: readonly SourceMember[]): void {
  const runs = runsOf(chosen);
  const sum = (lengths: readonly number[]) => lengths.reduce((a, b) => a + b, 0);
  const own = sum(plan.segments.map((segment) => (segment.kind === 'literal' ? segmentLength(segment) : 0)));
  const small = sum(runs.filter((run) => !isCopied(run, LIMITS)).map(lengthOf));
  const copied = runs.filter((run) => isCopied(run, LIMITS)).map(lengthOf);
  const isLong = copied.some((length) => length > 2 * LIMITS.minPartBytes);
  const filling = copied.length === 0 ? 0 : isLong ? LIMITS.minPartBytes : Math.min(...copied);
  assert.ok(bytesOf(plan.parts, 'upload') <= filling + small + own, `${bytesOf(plan.parts, 'upload')} uploaded`);
  assert.equal(bytesOf(plan.parts, 'upload') + bytesOf(plan.parts, 'copy'), plan.parts.sizeBytes);

  const copies = sum(copied.map((length) => Math.ceil(length / LIMITS.copyPartBytes)));
  const uploads = Math.ceil((filling + small + own) / LIMITS.uploadPartBytes) + 2;
  assert.ok(plan.parts.parts.length <= copies + uploads, `${plan.parts.parts.length} parts`);
}

test('members too small to copy come first, then the longest', async () => {
  const fleet = await fleetOf(
    [{ a: content(100), b: content(20_000) }, { c: content(90_000) }, { d: content(50) }],
    'tar',
  );
  const [a, b, c, d] = fleet.members as [SourceMember, SourceMember, SourceMember, SourceMember];
  const names = (plan: BundlePlan) => plan.members.map(({ name }) => name);
  assert.deepEqual(names(await planOf([d, b, c], 'tar')), [MANIFEST_NAME, 'd.tar', 'c.tar', 'b.tar']);
  // Beside b in their source, the small a costs nothing.
  assert.deepEqual(names(await planOf([d, b, c, a], 'tar')), [MANIFEST_NAME, 'd.tar', 'c.tar', 'a.tar', 'b.tar']);
});

test('where no member has 10 MiB, the shortest goes up whole with the head', async () => {
  const { members } = await fleetOf([{ a: content(7000) }, { b: content(6000) }, { c: content(8000) }], 'tar');
  const plan = await planOf(members, 'tar');
  assert.deepEqual(
    plan.members.map(({ name }) => name),
    [MANIFEST_NAME, 'b.tar', 'c.tar', 'a.tar'],
  );
  const [head, tail] = [plan.segments[0]!, plan.segments.at(-1)!];
  assert.equal(
    bytesOf(plan.parts, 'upload'),
    segmentLength(head) + rangeLength(members[1]!.member.wire) + segmentLength(tail),
  );
});

test('small members with 5 MiB together leave the long ones alone', async () => {
  const { members } = await fleetOf([{ a: content(4000) }, { b: content(4500) }, { c: content(8000) }], 'tar');
  const plan = await planOf(members, 'tar');
  assert.equal(bytesOf(plan.parts, 'copy'), rangeLength(members[2]!.member.wire));
});

test('members side by side in their source are one range', async () => {
  const { members } = await fleetOf([{ a: content(20_000), b: content(30_000), c: content(10) }], 'tar');
  const { segments } = await planOf(members, 'tar');
  assert.deepEqual(segments.slice(1, -1), [
    { kind: 'range', source: 0, range: { start: members[0]!.member.wire.start, end: members[2]!.member.wire.end } },
  ]);
});

test('with 10 MiB in one member, what goes through us is 5 MiB and the tail', async () => {
  const fleet = await fleetOf([{ big: content(400_000) }, { a: content(1000) }, { b: content(3000) }], 'tar');
  const plan = await planOf(fleet.members.slice(0, 2), 'tar');
  assert.equal(bytesOf(plan.parts, 'upload'), LIMITS.minPartBytes + segmentLength(plan.segments.at(-1)!));
});

test('eight members of 1 GiB take five copies each, and every byte but 5 MiB is copied once', async () => {
  const GiB = 1024 ** 3;
  const members = Array.from({ length: 8 }, (_, source): SourceMember => {
    const member = { name: `${source}.tar`, sizeBytes: GiB, modifiedAt: MODIFIED_AT, sha256: '0'.repeat(64) };
    const wire = { start: 1024, end: 1024 + 512 + GiB };
    return { source, member: { ...member, headerBytes: 512, wire, wireCrc32: source } };
  });
  const manifest = manifestOf(members.map(({ member }) => member.name.slice(0, -4)));
  const { parts, segments } = await planBundle({ manifest, modifiedAt: MODIFIED_AT, format: 'tar', members });
  assert.equal(composeRequests(parts), 8 * 5 + 2 + 4);
  const through = 5 * 1024 ** 2 + segmentLength(segments.at(-1)!);
  assert.equal(bytesOf(parts, 'upload'), through);
  assert.equal(bytesOf(parts, 'copy'), parts.sizeBytes - through);
});

test('the same members make the same bundle in whatever order they are given', async () => {
  const archives = [
    { a: content(20_000), b: content(20_000, 2) },
    { c: content(20_000, 3) },
    { d: content(5), e: content(6) },
  ];
  const { members } = await fleetOf(archives, 'tar+zstd');
  const plan = await planOf(members, 'tar+zstd');
  assert.deepEqual(await planOf([...members].reverse(), 'tar+zstd'), plan);
});

test('a member of another format is refused', async () => {
  const { members } = await fleetOf([{ a: content(10) }], 'tar');
  await assert.rejects(planOf(members, 'tar+zstd'), { code: 'unsupported', message: /a\.tar/ });
  await assert.rejects(planOf(members, 'tar+gzip'), { code: 'unsupported', message: /gzip/ });
});

test('a damaged source is noticed when the bundle is stored', async () => {
  const fleet = await fleetOf([{ a: content(100_000) }], 'tar+zstd');
  const plan = await planOf(fleet.members, 'tar+zstd');
  const bytes = await fleet.sources[0]!.read({ start: 0, end: fleet.sources[0]!.sizeBytes });
  bytes[5000]! ^= 1;
  const location = { bucket: 'archives', key: 'damaged' };
  fleet.store.overwrite(location, bytes);
  const damaged = await fleet.store.open(location);
  const target = { bucket: 'archives', key: 'bundle' };
  await assert.rejects(fleet.store.compose(target, plan.parts, [damaged]), { code: 'corrupt-archive' });
});

test('a bundle id is made of the contents and their order alone', async () => {
  const { members } = await fleetOf([{ a: content(10), b: content(20) }, { c: content(30) }], 'tar');
  const contents = { format: 'tar', members: members.map(({ member }) => member) } as const;
  const id = bundleId(contents);
  assert.match(id, /^[0-9a-f]{32}$/);
  const moved = contents.members.map((member) => ({
    ...member,
    wire: { start: 512, end: 512 + rangeLength(member.wire) },
  }));
  assert.equal(bundleId({ ...contents, members: moved }), id);
  const [first, ...rest] = contents.members;
  for (const other of [
    { ...contents, format: 'tar+zstd' as const },
    { ...contents, members: contents.members.toReversed() },
    { ...contents, members: rest },
    { ...contents, members: [{ ...first!, sha256: '0'.repeat(64) }, ...rest] },
    { ...contents, members: [{ ...first!, wireCrc32: first!.wireCrc32 ^ 1 }, ...rest] },
  ]) {
    assert.notEqual(bundleId(other), id);
  }
});
