import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import zlib from 'node:zlib';
import fc from 'fast-check';
import { rangeSource } from '../../../core/archive/range-source.ts';
import {
  type Checkpoint,
  isNotWhole,
  lookAtStream,
  openCheckpoint,
  tarExtent,
} from '../../../core/checkpoint/checkpoint.ts';
import type { ContainerArchive } from '../../../core/checkpoint/container-look.ts';
import type { PodArchive } from '../../../core/checkpoint/pod-look.ts';
import { isPodfreightError } from '../../../core/errors.ts';
import { sampleContainer, sandboxIdOf } from '../../checkpoint-samples/container.ts';
import { containerdArchive } from '../../checkpoint-samples/containerd.ts';
import { crioArchive, crioMembers } from '../../checkpoint-samples/cri-o.ts';
import { joined, lengthOf, type Piece, PieceSource } from '../../checkpoint-samples/pieces.ts';
import { entryOf, type PodForm, podArchive } from '../../checkpoint-samples/pod.ts';
import { type SampleMember, tarOf, text } from '../../checkpoint-samples/tar.ts';
import { MemorySource } from '../archive/memory-source.ts';
import { archiveOf, content, inChunks } from '../archive/sample.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures');
const GIB = 1024 ** 3;
const MIB = 1024 ** 2;

const fixture = (name: string) => readFileSync(join(FIXTURES, name));
const source = (pieces: readonly Piece[]) => new PieceSource(pieces, 'test.tar');

function containerOf(checkpoint: Checkpoint): ContainerArchive {
  return checkpoint.kind === 'container' ? checkpoint.container : assert.fail(`it is ${checkpoint.kind}`);
}

function podOf(checkpoint: Checkpoint): PodArchive {
  return checkpoint.kind === 'pod' ? checkpoint.pod : assert.fail(`it is ${checkpoint.kind}`);
}

const COUNTER = sampleContainer();
const WEB = sampleContainer({ container: 'web', image: 'registry.example/web:1', rootfsBytes: 0, seed: 9 });

test('Podman, in zstd and gzip: name, image, runtime, times and sizes', async () => {
  const looked: Record<string, ContainerArchive> = {};
  for (const name of ['podman-counter.tar.zst', 'podman-redis.tar.zst', 'podman-web.tar.gz']) {
    looked[name] = containerOf(await openCheckpoint(new MemorySource(fixture(name), name), { stats: true }));
  }
  const table = Object.values(looked).map(({ identity, checkpointBytes, rootfsDiffBytes, ...archive }) => {
    const { engine, containerName, image, runtime, createdAt } = identity;
    const { format, endsAt, tailBytes, stats } = archive;
    return [
      [engine, containerName, image.name, runtime, createdAt?.toISOString()].join(' '),
      [checkpointBytes, rootfsDiffBytes, stats?.pagesWritten].join(' '),
      [format, endsAt, tailBytes].join(' '),
    ];
  });
  assert.deepEqual(table, [
    ['podman counter localhost/counter:latest runc 2026-11-22T13:24:51.656Z', '168759 2048 33', 'tar+zstd 248832 0'],
    ['podman redis localhost/redis:7 runc 2026-11-22T13:24:52.167Z', '12000834  2922', 'tar+zstd 12077568 0'],
    ['podman web localhost/web:1 runc 2026-11-22T13:24:51.998Z', '83113  15', 'tar+gzip 155136 0'],
  ]);
  assert.equal(looked['podman-web.tar.gz']?.identity.podName, undefined);
});

test('node bundles: an archive with a manifest, in each pod a pod archive of 2021, in that container archives', async () => {
  for (const [name, expected] of [
    ['node-a.tar.zst', ['default/my-redis: redis 11881997', 'default/counters: counter 168759, web 83113']],
    ['node-b.tar.zst', ['edge/web: web 83113', 'default/my-redis: redis 11972125']],
  ] as const) {
    const checkpoint = await openCheckpoint(new MemorySource(fixture(name), name));
    assert.equal(checkpoint.kind, 'pods');
    const pods: string[] = [];
    if (checkpoint.kind !== 'pods') continue;
    for await (const { member, data } of checkpoint.archive.members()) {
      const looked = await lookAtStream({ name: member.name, chunks: data });
      const { namespace, podName, form, containers } = podOf(looked);
      assert.equal(form, 'list');
      const inside = containers.map((container) => `${container.name} ${container.checkpoint.checkpointBytes}`);
      pods.push(`${namespace}/${podName}: ${inside.join(', ')}`);
    }
    assert.deepEqual(pods.toSorted(), expected.toSorted());
  }
});

test('a real container archive in a real pod archive is read where it lies', async () => {
  const bundle = await openCheckpoint(new MemorySource(fixture('node-a.tar.zst')));
  assert.ok(bundle.kind === 'pods');
  for await (const { data } of bundle.archive.members()) {
    const pod = new MemorySource(Buffer.concat(await Array.fromAsync(data)));
    for (const { archive, checkpoint } of podOf(await openCheckpoint(pod)).containers) {
      const inner = rangeSource(pod, archive!.range, 'inner.tar');
      const { identity, endsAt } = containerOf(await openCheckpoint(inner));
      assert.deepEqual(identity, checkpoint.identity);
      assert.deepEqual([endsAt, inner.sizeBytes], [archive!.endsAt, archive!.endsAt]);
    }
    assert.ok(pod.sizeBytes < MIB || pod.readBytes < MIB / 2, `${pod.readBytes} bytes`);
  }
});

for (const [engine, make] of [
  ['cri-o', crioArchive],
  ['containerd', containerdArchive],
] as const) {
  test(`${engine}: plain, in gzip and in zstd, from a source and as a stream, it is the same`, async () => {
    const tar = joined(make(COUNTER));
    const plain = containerOf(await openCheckpoint(new MemorySource(tar), { stats: true }));
    assert.equal(plain.identity.engine, engine);
    assert.deepEqual([plain.identity.podName, plain.identity.sandboxId], ['counters', sandboxIdOf(COUNTER)]);
    assert.equal(plain.stats?.pagesWritten, engine === 'cri-o' ? 33 : 2922);
    assert.ok(plain.rootfsDiffBytes! > 0 && plain.checkpointBytes > COUNTER.pagesBytes);
    for (const [format, bytes] of [
      ['tar', tar],
      ['tar+gzip', zlib.gzipSync(tar)],
      ['tar+zstd', zlib.zstdCompressSync(tar)],
    ] as const) {
      const expected = { kind: 'container', container: { ...plain, format } };
      assert.deepEqual(await openCheckpoint(new MemorySource(bytes), { stats: true }), expected);
      const stream = { name: 'test.tar', chunks: inChunks(bytes, 5000) };
      assert.deepEqual(await lookAtStream(stream, { stats: true }), expected);
    }
  });

  test(`${engine}: a look at 2 GiB takes some reads and no memory pages`, async () => {
    const sample = sampleContainer({ processes: 1, pagesBytes: 2 * GIB, logBytes: 300_000, rootfsBytes: MIB });
    const archive = source(make(sample));
    assert.ok(archive.sizeBytes > 2 * GIB);
    const { identity, checkpointBytes } = containerOf(await openCheckpoint(archive));
    assert.deepEqual([identity.containerName, identity.engine], ['counter', engine]);
    assert.ok(checkpointBytes > 2 * GIB);
    assert.ok(archive.reads.length <= 8, `${archive.reads.length} reads`);
    assert.ok(archive.readBytes < MIB / 5, `${archive.readBytes} bytes`);
  });

  test(`${engine}: of hundreds of members the small ones come together, and each large one takes a read`, async () => {
    const sample = sampleContainer({ processes: 50, pagesBytes: 2 * GIB });
    const archive = source(make(sample));
    assert.equal(containerOf(await openCheckpoint(archive)).identity.engine, engine);
    assert.ok(archive.reads.length <= 50 + 12, `${archive.reads.length} reads`);
    assert.ok(archive.readBytes < MIB, `${archive.readBytes} bytes`);
  });
}

for (const form of ['list', 'map', 'directories'] satisfies PodForm[]) {
  test(`a pod archive with ${form}: the pod and its containers`, async () => {
    const pieces = podArchive([COUNTER, WEB], form);
    const looked = podOf(await openCheckpoint(source(pieces)));
    const { podName, namespace, podUid, hostname, containers, endsAt, tailBytes } = looked;
    assert.deepEqual([podName, namespace, podUid, hostname], ['counters', 'default', COUNTER.uid, 'counters']);
    assert.equal(looked.form, form === 'list' ? 'list' : 'map');
    assert.equal(looked.sandboxId, form === 'list' ? undefined : sandboxIdOf(COUNTER));
    assert.deepEqual([endsAt, tailBytes], [lengthOf(pieces), 0]);
    assert.deepEqual(
      containers.map(({ name, entry, checkpoint }) => [name, entry, checkpoint.identity.image.name]),
      [COUNTER, WEB].map((sample) => [sample.container, entryOf(sample), sample.image]),
    );
    const alone = containerOf(await openCheckpoint(source(crioArchive(WEB))));
    const { identity, checkpointBytes, rootfsDiffBytes } = containers[1]!.checkpoint;
    assert.deepEqual(
      { identity, checkpointBytes, rootfsDiffBytes },
      { identity: alone.identity, checkpointBytes: alone.checkpointBytes, rootfsDiffBytes: undefined },
    );
    const bytes = joined(pieces);
    for (const encoded of [bytes, zlib.gzipSync(bytes), zlib.zstdCompressSync(bytes)]) {
      const streamed = podOf(await lookAtStream({ name: 'test.tar', chunks: inChunks(encoded, 3000) }));
      assert.deepEqual({ ...streamed, format: 'tar' }, looked);
    }
  });
}

test('a pod archive of 2 GiB is looked at in some reads', async () => {
  const pod = source(
    podArchive(
      [COUNTER, WEB].map((sample) => ({ ...sample, pagesBytes: GIB })),
      'map',
    ),
  );
  assert.equal(podOf(await openCheckpoint(pod)).containers.length, 2);
  assert.ok(pod.reads.length <= 15, `${pod.reads.length} reads`);
  assert.ok(pod.readBytes < MIB / 2, `${pod.readBytes} bytes`);
});

test('archives with an index are told by it, and others with a manifest by that', async () => {
  for (const format of ['tar', 'tar+zstd', 'tar+gzip'] as const) {
    const { bytes } = await archiveOf({ a1: content(9000), b2: content(100, 2) }, format);
    const archive = new MemorySource(bytes);
    const checkpoint = await openCheckpoint(archive);
    assert.equal(checkpoint.kind, 'pods');
    assert.ok(checkpoint.kind === 'pods' && checkpoint.archive.format === format);
    assert.equal((await checkpoint.archive.manifest()).manifest.pods?.length, 2);
  }
  const last = tarOf([
    { name: 'a1.tar', content: [content(70_000)] },
    { name: 'checkpointed.pods', content: text('{"CheckpointedPods":[{"SandboxID":"a1"}]}') },
  ]);
  assert.equal((await openCheckpoint(source(last))).kind, 'pods');
});

const members = crioMembers(COUNTER);
const config = members.find(({ name }) => name === 'config.dump')!;
const spec = members.find(({ name }) => name === 'spec.dump')!;
const dump: SampleMember = { name: 'pod.dump', content: text('{}') };
const options: SampleMember = { name: 'pod.options', content: text('{"version":1,"containers":{}}') };
const pods: SampleMember = { name: 'checkpointed.pods', content: text('{}') };
const inner: SampleMember = { name: 'c.tar', content: crioArchive(COUNTER) };
const listing = (containers: object): SampleMember => ({
  name: 'pod.options',
  content: text(JSON.stringify({ version: 1, containers })),
});

/** In the pod `other` a container of `counters`. */
const foreign: readonly SampleMember[] = [
  listing({ counter: 'c' }),
  inner,
  { name: 'pod.dump', content: text('{"metadata":{"name":"other"}}') },
];

const REFUSED: Record<string, readonly [members: readonly SampleMember[], reason: RegExp]> = {
  'neither of the three': [[spec], /it has none of checkpointed\.pods, pod\.dump, config\.dump/],
  nothing: [[{ name: 'x' }], /none of/],
  'a container and a pod': [[config, spec, dump], /it has both config\.dump and pod\.dump/],
  'a pod and a container': [[dump, config, spec], /it has both pod\.dump and config\.dump/],
  'a container and a manifest': [[config, pods], /it has both config\.dump and checkpointed\.pods/],
  'two config.dump': [[config, spec, config], /member "config\.dump" is there twice/],
  'two config.dump, one with ./': [[config, spec, { ...config, name: './config.dump' }], /is there twice/],
  'a config.dump that is a link': [[{ name: 'config.dump', type: '2', linkName: 'x' }, spec], /is a symbolic link/],
  'a spec.dump that is a directory': [[config, { name: 'spec.dump', type: '5' }], /is a directory, not a regular/],
  'a config.dump by another way': [
    [config, spec, { ...config, name: 'x/../config.dump' }],
    /ends up at "config\.dump"/,
  ],
  'a config.dump from the root': [[config, spec, { ...config, name: '/config.dump' }], /ends up at "config\.dump"/],
  'a config.dump from above': [[config, spec, { ...config, name: '../config.dump' }], /ends up at "config\.dump"/],
  'a config.dump behind a link': [
    [config, spec, { name: 'x', type: '2', linkName: '.' }, { ...config, name: 'x/config.dump' }],
    /member "x\/config\.dump" lies behind a symbolic link/,
  ],
  'no spec.dump': [[config], /it has no spec\.dump/],
  'an endless config.dump': [
    [{ name: 'config.dump', content: [{ length: 16 * MIB + 1, seed: 1 }] }, spec],
    /member "config\.dump" is longer than 16777216 bytes/,
  ],
  'a pod without options': [[dump], /it has no pod\.options/],
  'a pod without its container': [[listing({ a: 'b' }), dump], /its pod\.options names "b", which is not there/],
  'a pod with a container that is none': [
    [listing({ a: 'b' }), dump, { name: 'b.tar', content: tarOf([{ name: 'x' }]) }],
    /test\.tar: "b\.tar" is refused: it has no config\.dump/,
  ],
  'a pod with a container that ends early': [
    [listing({ a: 'b' }), dump, { name: 'b.tar', content: [joined(crioArchive(COUNTER)).subarray(0, 9000)] }],
    /test\.tar: "b\.tar" is refused: it ends early/,
  ],
  'a pod in a pod': [
    [listing({ a: 'b' }), dump, { name: 'b.tar', content: podArchive([COUNTER], 'list') }],
    /it has a pod\.dump, so it is no container archive/,
  ],
  'a pod with a container that it does not name': [[options, inner, dump], /member "c" is a container that its pod/],
  'a pod with a directory that it does not name': [
    [options, ...members.map((member) => ({ ...member, name: `d/${member.name}` })), dump],
    /member "d" is a container that its pod/,
  ],
  'a pod with a container twice': [[listing({ a: 'c', b: 'c' }), inner, dump], /names "c" twice/],
  'a pod with two archives of a name': [[listing({ a: 'c' }), inner, inner, dump], /member "c\.tar" is there twice/],
  'a pod with a container of another': [
    foreign,
    /member "pod\.dump" and "c" contradict each other: the podName is "other" and "counters"/,
  ],
  'a pod that contradicts itself': [
    [
      { name: 'pod.options', content: text('{"annotations":{"org.criu.checkpoint.pod.name":"a"}}') },
      { name: 'pod.dump', content: text('{"metadata":{"name":"b"}}') },
    ],
    /the name is "b" and "a"/,
  ],
};

for (const [what, [parts, reason]] of Object.entries(REFUSED)) {
  test(`refuses ${what}`, async () => {
    const tar = tarOf(parts);
    const refused = (error: unknown) => {
      assert.ok(isPodfreightError(error, 'invalid-archive'), String(error));
      assert.match(error.message, reason);
      return true;
    };
    await assert.rejects(openCheckpoint(source(tar)), refused);
    await assert.rejects(lookAtStream({ name: 'test.tar', chunks: inChunks(joined(tar), 10_000) }), refused);
  });
}

test('a manifest before a container is the strict reader’s, which refuses it', async () => {
  const checkpoint = await openCheckpoint(source(tarOf([pods, config, spec])));
  assert.ok(checkpoint.kind === 'pods');
  await assert.rejects(checkpoint.archive.layout(), /member "config\.dump" is neither/);
});

const OTHERS: Record<string, readonly SampleMember[]> = {
  'a link among the images, as of Podman with a checkpoint before': [
    { name: 'checkpoint/parent', type: '2', linkName: '../pre-checkpoint' },
    { name: 'pre-checkpoint/' },
    { name: 'pre-checkpoint/pages-1.img', content: [content(5000)] },
  ],
  'volumes and other files, whatever they are called': [
    { name: 'volumes/data.tar', content: [content(700)] },
    { name: 'artifacts/config.dump', content: text('not JSON') },
    { name: '../../etc/passwd', content: text('x') },
    { name: 'not-a-tar.tar', content: text('x') },
    { name: `${'n'.repeat(200)}\n`, type: '6' },
  ],
};

for (const [what, more] of Object.entries(OTHERS)) {
  test(`allows ${what}`, async () => {
    const looked = containerOf(await openCheckpoint(source(tarOf([...more, ...members]))));
    const alone = containerOf(await openCheckpoint(source(tarOf(members))));
    assert.deepEqual(looked.identity, alone.identity);
    assert.equal(looked.checkpointBytes, alone.checkpointBytes);
    assert.equal(looked.preCheckpointBytes, what.startsWith('a link') ? 5000 : 0);
  });
}

test('the stale end of a longer file is told, and changes nothing else', async () => {
  const tar = joined(crioArchive(COUNTER));
  const stale = joined(crioArchive(sampleContainer({ pagesBytes: 200_000 }))).subarray(tar.length);
  const overwritten = new MemorySource(Buffer.concat([tar, stale]));
  assert.deepEqual(await tarExtent(overwritten), { format: 'tar', endsAt: tar.length, tailBytes: stale.length });
  const looked = containerOf(await openCheckpoint(overwritten));
  const alone = containerOf(await openCheckpoint(new MemorySource(tar)));
  assert.deepEqual(looked, { ...alone, tailBytes: stale.length });
});

test('an archive that is not written to its end is never whole, and everything else is', async () => {
  const tar = joined(containerdArchive(COUNTER));
  const wires = [tar, zlib.gzipSync(tar), zlib.zstdCompressSync(tar)];
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...wires), fc.double({ min: 0, max: 1, noNaN: true }), async (bytes, part) => {
      const length = Math.min(Math.floor(bytes.length * part), bytes.length - 1);
      const cut = new MemorySource(bytes.subarray(0, length));
      for (const look of [openCheckpoint, tarExtent]) {
        await assert.rejects(look(cut), (error: unknown) => {
          return isNotWhole(error) || assert.fail(`${length} of ${bytes.length}: ${error}`);
        });
      }
    }),
    {
      numRuns: 60,
      examples: [
        [tar, 0],
        [tar, 0.999999],
        [wires[1]!, 0.999999],
        [wires[2]!, 0.999999],
      ],
    },
  );
  for (const bytes of wires) assert.equal((await tarExtent(new MemorySource(bytes))).endsAt, tar.length);
});

test('what is damaged or no archive is not called unfinished', async () => {
  for (const bytes of [Buffer.from('no archive '.repeat(100)), Buffer.alloc(4096)]) {
    await assert.rejects(tarExtent(new MemorySource(bytes)), (error: unknown) => {
      return isPodfreightError(error, 'invalid-archive') && !isNotWhole(error);
    });
  }
});

test('any damage to an archive is refused with a sentence, or changes what is shown at most', async () => {
  const tar = joined(crioArchive(sampleContainer({ pagesBytes: 8192, logBytes: 100 })));
  await fc.assert(
    fc.asyncProperty(fc.nat(tar.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
      const damaged = Buffer.from(tar);
      damaged[at]! ^= flip;
      try {
        await openCheckpoint(new MemorySource(damaged), { stats: true });
      } catch (error) {
        assert.ok(isPodfreightError(error, 'invalid-archive', 'corrupt-archive', 'unsupported'), String(error));
      }
    }),
    { numRuns: 500 },
  );
});
