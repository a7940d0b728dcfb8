import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import zlib from 'node:zlib';
import fc from 'fast-check';
import { openArchive } from '../../../core/archive/reader.ts';
import { writeArchive } from '../../../core/archive/writer.ts';
import { openCheckpoint } from '../../../core/checkpoint/checkpoint.ts';
import { type ContainerRecord, containerRecords } from '../../../core/checkpoint/container-records.ts';
import { podEntry } from '../../../core/checkpoint/pod-entry.ts';
import { archiveRange, groupByPod, type PodGroup } from '../../../core/checkpoint/pod-groups.ts';
import { planPodTar, readSegments } from '../../../core/checkpoint/pod-tar.ts';
import { splitPodTar } from '../../../core/checkpoint/split-pod-tar.ts';
import { isPodfreightError } from '../../../core/errors.ts';
import { formatManifest } from '../../../core/manifest/manifest.ts';
import { rangeLength } from '../../../core/range.ts';
import { sampleContainer, sandboxIdOf } from '../../checkpoint-samples/container.ts';
import { crioArchive } from '../../checkpoint-samples/cri-o.ts';
import { digestsOf, type SampleFile, sampleFile } from '../../checkpoint-samples/found.ts';
import { joined, lengthOf } from '../../checkpoint-samples/pieces.ts';
import { type SampleMember, tarOf, text } from '../../checkpoint-samples/tar.ts';
import { MemorySource } from '../archive/memory-source.ts';
import { collect, inChunks } from '../archive/sample.ts';

const COUNTER = sampleContainer();
const WEB = sampleContainer({ container: 'web', pagesBytes: 100_000, checkpointedAt: '2026-11-22T13:40:00Z', seed: 5 });

interface Planned {
  readonly group: PodGroup<SampleFile>;
  readonly tar: Buffer;
  /** File name → the archive's own bytes. */
  readonly archives: Map<string, Buffer>;
  readonly records: readonly ContainerRecord[];
}

async function planned(files: readonly SampleFile[]): Promise<Planned> {
  const [group] = groupByPod(files).pods;
  assert.ok(group);
  const plan = await planPodTar(group);
  const tar = await collect(
    readSegments(
      plan.segments,
      group.archives.map(({ source }) => source),
    ),
  );
  assert.equal(tar.length, plan.sizeBytes);
  const archives = new Map<string, Buffer>();
  for (const file of group.archives) archives.set(file.fileName, await file.source.read(archiveRange(file)));
  return { group, tar, archives, records: containerRecords(podEntry(group, await digestsOf(group.archives)))! };
}

const twoContainers = async () => planned([await sampleFile(COUNTER), await sampleFile(WEB)]);

async function split(
  tar: Buffer,
  records?: readonly ContainerRecord[],
  chunkBytes = 5000,
): Promise<Map<string, Buffer>> {
  const archives = new Map<string, Buffer>();
  for await (const { fileName, sizeBytes, data } of splitPodTar(
    { name: 'pod.tar', chunks: inChunks(tar, chunkBytes) },
    records,
  )) {
    archives.set(fileName, await collect(data));
    assert.equal(archives.get(fileName)?.length, sizeBytes);
  }
  return archives;
}

test('what is planned is a pod archive, and is taken apart into the same bytes', async () => {
  const { tar, archives, records } = await twoContainers();
  const checkpoint = await openCheckpoint(new MemorySource(tar));
  assert.ok(checkpoint.kind === 'pod');
  const { form, podName, namespace, podUid, sandboxId, containers, tailBytes } = checkpoint.pod;
  assert.deepEqual(
    [form, podName, namespace, podUid, sandboxId, tailBytes],
    ['map', 'counters', 'default', COUNTER.uid, sandboxIdOf(COUNTER), 0],
  );
  assert.deepEqual(
    containers.map(({ name, entry }) => [name, `${entry}.tar`]),
    [...archives.keys()].map((fileName, i) => [['counter', 'web'][i], fileName]),
  );
  for (const chunkBytes of [1000, 65536, tar.length]) {
    assert.deepEqual(await split(tar, records, chunkBytes), archives);
    assert.deepEqual(await split(tar, undefined, chunkBytes), archives);
  }
});

test('the same archives make the same bytes, whatever their order in the directory', async () => {
  const files = [await sampleFile(COUNTER), await sampleFile(WEB)];
  const { tar } = await planned(files);
  assert.ok((await planned(files.toReversed())).tar.equals(tar));
});

test('the archives stay ranges: of gigabytes nothing is read to plan them', async () => {
  const file = await sampleFile(sampleContainer({ pagesBytes: 9 * 1024 ** 3 }));
  const [group] = groupByPod([file]).pods;
  const { segments, sizeBytes, modifiedAt } = await planPodTar(group!);
  assert.deepEqual(modifiedAt, new Date('2026-11-22T13:31:07Z'));
  assert.deepEqual(
    segments.filter(({ kind }) => kind === 'range'),
    [{ kind: 'range', source: 0, range: { start: 0, end: file.sizeBytes } }],
  );
  const literalBytes = segments.reduce(
    (sum, segment) => sum + (segment.kind === 'literal' ? segment.bytes.length : 0),
    0,
  );
  assert.equal(sizeBytes, literalBytes + file.sizeBytes);
  assert.ok(literalBytes < 6000, `${literalBytes} bytes`);
});

test('GNU tar unpacks the files that the kubelet’s directory had', async () => {
  const long = sampleContainer({ pod: `p${'o'.repeat(120)}d` });
  const { tar, archives } = await planned([await sampleFile(long)]);
  const folder = mkdtempSync(join(tmpdir(), 'pod-tar-'));
  try {
    writeFileSync(join(folder, 'pod'), tar);
    const { status, stderr } = spawnSync('tar', ['--force-local', '-xf', 'pod'], { cwd: folder, encoding: 'utf8' });
    assert.deepEqual([status, stderr], [0, '']);
    const [fileName] = archives.keys();
    assert.deepEqual(readdirSync(folder).toSorted(), [fileName!, 'pod', 'pod.dump', 'pod.options']);
    assert.ok(readFileSync(join(folder, fileName!)).equals(archives.get(fileName!)!));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

for (const format of ['tar', 'tar+zstd', 'tar+gzip'] as const) {
  test(`by way of an archive of pods in ${format} everything comes back`, async () => {
    const { group, tar, archives } = await twoContainers();
    const entry = podEntry(group, await digestsOf(group.archives));
    const { stream } = writeArchive({
      manifest: formatManifest({ version: 0n, pods: [entry], unknown: [] }),
      modifiedAt: new Date(0),
      pods: [
        { sandboxId: group.sandboxId, sizeBytes: tar.length, modifiedAt: new Date(0), read: () => inChunks(tar, 9000) },
      ],
      format,
    });
    const archive = await openArchive(new MemorySource(await collect(stream)));
    const { manifest } = await archive.manifest();
    const records = containerRecords(manifest.pods![0]!);
    for await (const { member, data } of archive.members()) {
      assert.equal(member.name, `${group.sandboxId}.tar`);
      const found = new Map<string, Buffer>();
      for await (const { fileName, data: bytes } of splitPodTar({ name: member.name, chunks: data }, records)) {
        found.set(fileName, await collect(bytes));
      }
      assert.deepEqual(found, archives);
    }
  });
}

test('any archives of a pod come back, compressed or with something stale behind them', async () => {
  const container = fc.record({
    container: fc.stringMatching(/^[a-z]([a-z0-9-]{0,10}[a-z0-9])?$/),
    pagesBytes: fc.nat(20_000),
    logBytes: fc.nat(2000),
    wire: fc.constantFrom('plain', 'gzip', 'zstd', 'stale'),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(container, { selector: (fields) => fields.container, minLength: 1, maxLength: 4 }),
      fc.stringMatching(/^[a-z]([a-z0-9.-]{0,120}[a-z0-9])?$/),
      fc.nat(3000),
      async (containers, pod, chunkBytes) => {
        const files = containers.map(({ wire, ...fields }) => {
          const sample = sampleContainer({ ...fields, pod });
          const tar = joined(crioArchive(sample));
          const bytes = {
            plain: () => tar,
            gzip: () => zlib.gzipSync(tar),
            zstd: () => zlib.zstdCompressSync(tar),
            stale: () => Buffer.concat([tar, Buffer.alloc(777, 1)]),
          }[wire]();
          return sampleFile(sample, [bytes]);
        });
        const { group, tar, archives, records } = await planned(await Promise.all(files));
        assert.deepEqual(await split(tar, records, chunkBytes + 500), archives);
        const checkpoint = await openCheckpoint(new MemorySource(tar));
        assert.ok(checkpoint.kind === 'pod');
        assert.deepEqual(
          checkpoint.pod.containers.map(({ checkpoint: { identity } }) => identity),
          group.archives.map((file) => file.container.identity),
        );
        for (const file of group.archives) {
          const stale = file.sizeBytes - rangeLength(archiveRange(file));
          assert.ok(stale === 0 || stale === 777);
        }
      },
    ),
    { numRuns: 25 },
  );
});

test('a name that could not be unpacked again is not planned', async () => {
  const file = await sampleFile(COUNTER);
  for (const fileName of ['../x.tar', 'a b.tar', 'pod.dump', '.tar', 'x.tar.xz', `${'x'.repeat(252)}.tar`]) {
    const [group] = groupByPod([{ ...file, fileName }]).pods;
    await assert.rejects(planPodTar(group!), (error: unknown) => {
      return (
        isPodfreightError(error, 'unsupported') && /has a name that cannot be moved; rename it/.test(error.message)
      );
    });
  }
});

const options = (containers: unknown, more: object = {}): SampleMember => ({
  name: 'pod.options',
  content: text(JSON.stringify({ version: 1, containers, ...more })),
});
const DUMP: SampleMember = { name: 'pod.dump', content: text('{"metadata":{"name":"p"}}') };
const A: SampleMember = { name: 'a.tar', content: text('archive a') };
const B: SampleMember = { name: 'b.tar', content: text('archive b') };
const BOTH = options({ x: 'a', y: 'b' });

test('the smallest that is allowed', async () => {
  assert.deepEqual(
    await split(joined(tarOf([BOTH, DUMP, A, B]))),
    new Map([
      ['a.tar', Buffer.from('archive a')],
      ['b.tar', Buffer.from('archive b')],
    ]),
  );
});

const REFUSED: Record<string, readonly [tar: Buffer, reason: RegExp]> = {
  'another order': [joined(tarOf([BOTH, DUMP, B, A])), /member "b\.tar" stands where the file "a\.tar" has to be/],
  'a file in front': [joined(tarOf([A, BOTH, DUMP, B])), /member "a\.tar" stands where the file "pod\.options"/],
  'the dump first': [joined(tarOf([DUMP, BOTH, A, B])), /member "pod\.dump" stands where/],
  'an archive missing': [joined(tarOf([BOTH, DUMP, A])), /it ends before "b\.tar"/],
  'an archive more': [
    joined(tarOf([options({ x: 'a' }), DUMP, A, B])),
    /member "b\.tar" stands where its end has to be/,
  ],
  'no dump': [joined(tarOf([BOTH, A, B])), /member "a\.tar" stands where the file "pod\.dump"/],
  nothing: [Buffer.alloc(1024), /it ends before "pod\.options"/],
  'names with ./': [joined(tarOf([{ ...BOTH, name: './pod.options' }, DUMP, A, B])), /stands where/],
  'a link for an archive': [
    joined(tarOf([BOTH, DUMP, { name: 'a.tar', type: '2', linkName: '/etc/shadow' }, B])),
    /member "a\.tar" stands where/,
  ],
  'a directory for an archive': [joined(tarOf([BOTH, DUMP, { name: 'a.tar', type: '5' }, B])), /stands where/],
  'an archive that goes up': [
    joined(tarOf([options({ x: '../a' }), DUMP, { ...A, name: '../a.tar' }])),
    /names the file "\.\.\/a\.tar", which is not allowed/,
  ],
  'an archive in a folder': [
    joined(tarOf([options({ x: 'd/a' }), DUMP, { ...A, name: 'd/a.tar' }])),
    /names the file "d\/a\.tar", which is not allowed/,
  ],
  'the form of 2021': [joined(tarOf([options(['a']), DUMP, A])), /is of another form than podfreight writes/],
  'two containers of one archive': [joined(tarOf([options({ x: 'a', y: 'a' }), DUMP, A])), /names "a" twice/],
  'options that are no JSON': [joined(tarOf([{ ...BOTH, content: text('{') }, DUMP])), /is no JSON/],
  'a dump that is no JSON': [joined(tarOf([BOTH, { ...DUMP, content: text('{') }, A, B])), /is no JSON/],
  'something behind its end': [
    Buffer.concat([joined(tarOf([BOTH, DUMP, A, B])), Buffer.alloc(512)]),
    /something else follows its end/,
  ],
  'an early end': [joined(tarOf([BOTH, DUMP, A, B])).subarray(0, -600), /it ends early/],
  compression: [zlib.gzipSync(joined(tarOf([BOTH, DUMP, A, B]))), /wrong checksum|is no checkpoint archive/],
};

for (const [what, [tar, reason]] of Object.entries(REFUSED)) {
  test(`does not take apart a tar with ${what}`, async () => {
    await assert.rejects(split(tar), (error: unknown) => {
      assert.ok(isPodfreightError(error, 'invalid-archive'), String(error));
      assert.match(error.message, reason);
      return true;
    });
  });
}

const CONTRADICTED: Record<string, readonly [change: Partial<ContainerRecord>, code: string, reason: RegExp]> = {
  'another file': [{ file: 'other.tar' }, 'invalid-archive', /names other archives than the manifest/],
  'another container': [{ container: 'other' }, 'invalid-archive', /names other archives than the manifest/],
  'another size': [{ sizeBytes: 7 }, 'invalid-archive', /bytes instead of the manifest's 7/],
  'another digest': [{ sha256: 'a'.repeat(64) }, 'corrupt-archive', /does not have the manifest's SHA-256/],
};

for (const [what, [change, code, reason]] of Object.entries(CONTRADICTED)) {
  test(`does not take apart a tar of which the manifest says ${what}`, async () => {
    const { tar, records } = await twoContainers();
    const changed = [records[0]!, { ...records[1]!, ...change }];
    await assert.rejects(split(tar, changed), (error: unknown) => {
      assert.ok(isPodfreightError(error) && error.code === code, String(error));
      assert.match(error.message, reason);
      return true;
    });
  });
}

test('of fewer or more records than archives neither is taken', async () => {
  const { tar, records } = await twoContainers();
  await assert.rejects(split(tar, records.slice(1)), /names other archives than the manifest/);
  await assert.rejects(split(tar, [...records, { ...records[0]!, file: 'x.tar' }]), /names other archives/);
  await assert.rejects(split(tar, []), /names other archives/);
});

test('an archive that is not read, or only begun, is checked all the same', async () => {
  const { tar, records } = await twoContainers();
  const damaged = Buffer.from(tar);
  damaged[tar.lastIndexOf('spec.dump') + 600]! ^= 1;
  const passOver = async (bytes: Buffer, begin: boolean) => {
    let count = 0;
    for await (const { data } of splitPodTar({ name: 'pod.tar', chunks: inChunks(bytes, 5000) }, records)) {
      count++;
      if (begin) for await (const _ of data) break;
    }
    return count;
  };
  for (const begin of [false, true]) {
    assert.equal(await passOver(tar, begin), 2);
    await assert.rejects(passOver(damaged, begin), /-web-.*\.tar" does not have the manifest's SHA-256/);
  }
});

test('a sample is as long as its pieces', () => {
  assert.equal(joined(crioArchive(COUNTER)).length, lengthOf(crioArchive(COUNTER)));
});
