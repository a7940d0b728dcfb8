import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ArchiveFormat } from '../../../core/archive/format.ts';
import { openArchive } from '../../../core/archive/reader.ts';
import { bundleId } from '../../../core/bundle/bundle-id.ts';
import type { PartLimits } from '../../../core/bundle/part-limits.ts';
import { type BundlePlan, planBundle, type SourceMember } from '../../../core/bundle/plan-bundle.ts';
import { segmentLength } from '../../../core/bundle/segments.ts';
import type { ObjectSource } from '../../../core/ports.ts';
import { rangeLength } from '../../../core/range.ts';
import { MANIFEST_NAME, podFileName } from '../../../core/sandbox-id.ts';
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

const uploaded = ({ parts }: BundlePlan) =>
  parts.parts.reduce((sum, part) => sum + (part.kind === 'upload' ? part.sizeBytes : 0), 0);

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

          const small = chosen.filter(({ member }) => rangeLength(member.wire) <= LIMITS.minPartBytes);
          const smallBytes = small.reduce((sum, { member }) => sum + rangeLength(member.wire), 0);
          const literalBytes = plan.segments.reduce((sum, s) => sum + (s.kind === 'literal' ? segmentLength(s) : 0), 0);
          assert.ok(
            uploaded(plan) <= 2 * LIMITS.minPartBytes + smallBytes + literalBytes,
            `${uploaded(plan)} uploaded`,
          );
          const copies = chosen.reduce(
            (sum, { member }) => sum + Math.ceil(rangeLength(member.wire) / LIMITS.copyPartBytes),
            0,
          );
          assert.ok(
            plan.parts.parts.length <=
              copies + 2 + Math.ceil((smallBytes + literalBytes) / (LIMITS.uploadPartBytes / 2)),
          );
        },
      ),
      { numRuns: 40 },
    );
  });
}

test('long members come first, those too small to copy last', async () => {
  const fleet = await fleetOf(
    [{ a: content(100), b: content(20_000) }, { c: content(90_000) }, { d: content(50) }],
    'tar',
  );
  const [a, b, c, d] = fleet.members as [SourceMember, SourceMember, SourceMember, SourceMember];
  const names = (plan: BundlePlan) => plan.members.map(({ name }) => name);
  assert.deepEqual(names(await planOf([d, b, c], 'tar')), [MANIFEST_NAME, 'c.tar', 'b.tar', 'd.tar']);
  // Beside b in their source, the small a costs nothing.
  assert.deepEqual(names(await planOf([d, b, c, a], 'tar')), [MANIFEST_NAME, 'c.tar', 'a.tar', 'b.tar', 'd.tar']);
});

test('members side by side in their source are one range', async () => {
  const { members } = await fleetOf([{ a: content(20_000), b: content(30_000), c: content(10) }], 'tar');
  const { segments } = await planOf(members, 'tar');
  assert.deepEqual(segments.slice(1, -1), [
    { kind: 'range', source: 0, range: { start: members[0]!.member.wire.start, end: members[2]!.member.wire.end } },
  ]);
});

test('with 10 MiB in the first member, what goes through us is 5 MiB, the small members and the tail', async () => {
  const fleet = await fleetOf([{ big: content(400_000) }, { a: content(1000) }, { b: content(3000) }], 'tar');
  const plan = await planOf(fleet.members, 'tar');
  const [a, b] = ['a', 'b'].map((id) => fleet.members.find(({ member }) => member.name === podFileName(id))!.member);
  const tail = segmentLength(plan.segments.at(-1)!);
  assert.equal(uploaded(plan), LIMITS.minPartBytes + rangeLength(a!.wire) + rangeLength(b!.wire) + tail);
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
