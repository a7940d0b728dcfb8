import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lookAtStream } from '../../../core/checkpoint/checkpoint.ts';
import type { ContainerIdentity } from '../../../core/checkpoint/identity.ts';
import {
  containerIdOf,
  imageDigestOf,
  imageIdOf,
  kubeletLabels,
  sampleContainer,
  sandboxIdOf,
} from '../../checkpoint-samples/container.ts';
import {
  type ContainerdFiles,
  containerdAnnotations,
  containerdArchive,
  statusDump,
} from '../../checkpoint-samples/containerd.ts';
import { crioAnnotations, crioArchive } from '../../checkpoint-samples/cri-o.ts';
import { joined, type Piece } from '../../checkpoint-samples/pieces.ts';
import { tarOf, text } from '../../checkpoint-samples/tar.ts';
import { inChunks } from '../archive/sample.ts';

const SAMPLE = sampleContainer({ attempt: 3 });
const POD = {
  containerName: 'counter',
  podName: 'counters',
  namespace: 'default',
  podUid: SAMPLE.uid,
  sandboxId: sandboxIdOf(SAMPLE),
};

async function identityIn(archive: readonly Piece[]): Promise<ContainerIdentity> {
  const looked = await lookAtStream({ name: 'test.tar', chunks: inChunks(joined(archive), 100_000) });
  assert.equal(looked.kind, 'container');
  return looked.kind === 'container' ? looked.container.identity : assert.fail();
}

const crio = (changes: Readonly<Record<string, string | undefined>> = {}) => {
  const annotations = Object.entries({ ...crioAnnotations(SAMPLE), ...changes });
  const kept = annotations.filter((entry): entry is [string, string] => entry[1] !== undefined);
  return identityIn(crioArchive(SAMPLE, Object.fromEntries(kept)));
};
const containerd = (files: Partial<ContainerdFiles> = {}) => identityIn(containerdArchive(SAMPLE, files));

test('CRI-O records everything', async () => {
  assert.deepEqual(await crio(), {
    engine: 'cri-o',
    manager: 'cri-o',
    containerId: containerIdOf(SAMPLE),
    ...POD,
    image: {
      requested: SAMPLE.image,
      name: SAMPLE.image,
      id: imageIdOf(SAMPLE),
      digest: imageDigestOf(SAMPLE),
    },
    runtime: 'runc',
    createdAt: new Date('2026-11-22T13:24:51.656Z'),
    checkpointedAt: new Date('2026-11-22T13:31:07.123Z'),
    restoredAt: undefined,
    podIPs: ['10.85.0.8'],
    kubelet: new Map([
      ['io.kubernetes.pod.terminationGracePeriod', '30'],
      ['io.kubernetes.container.restartCount', '3'],
      ['io.kubernetes.container.terminationMessagePath', '/dev/termination-log'],
      ['io.kubernetes.container.terminationMessagePolicy', 'File'],
      ['kubernetes.io/config.source', 'api'],
      ['kubernetes.io/config.seen', '2026-11-22T13:20:00.000000000Z'],
    ]),
  } satisfies ContainerIdentity);
});

test('containerd records all but the IPs and where the pod came from', async () => {
  assert.deepEqual(await containerd(), {
    engine: 'containerd',
    manager: undefined,
    containerId: containerIdOf(SAMPLE),
    ...POD,
    image: { requested: SAMPLE.image, name: SAMPLE.image, id: undefined, digest: imageDigestOf(SAMPLE) },
    runtime: 'io.containerd.runc.v2',
    createdAt: new Date('2026-11-22T13:24:51.656Z'),
    checkpointedAt: new Date('2026-11-22T13:31:07.123Z'),
    restoredAt: undefined,
    podIPs: [],
    kubelet: new Map([
      ['io.kubernetes.pod.terminationGracePeriod', '30'],
      ['io.kubernetes.container.restartCount', '3'],
      ['io.kubernetes.container.terminationMessagePath', '/dev/termination-log'],
      ['io.kubernetes.container.terminationMessagePolicy', 'File'],
    ]),
  } satisfies ContainerIdentity);
});

test('a bare image ID of containerd is no digest', async () => {
  const imageRef = `sha256:${imageIdOf(SAMPLE)}`;
  const { image } = await containerd({ imageRef });
  assert.deepEqual([image.id, image.digest], [imageRef, undefined]);
});

test('an older containerd leaves the pod UID to the name', async () => {
  const { 'io.kubernetes.cri.sandbox-uid': _, ...annotations } = containerdAnnotations(SAMPLE);
  assert.equal((await containerd({ annotations, status: {} })).podUid, SAMPLE.uid);
});

test('a container that was restored says when', async () => {
  const restored = sampleContainer({ restoredAt: '2026-11-22T14:00:00Z' });
  assert.deepEqual((await identityIn(crioArchive(restored))).restoredAt, new Date('2026-11-22T14:00:00Z'));
});

test('CRI-O: a pod without labels and annotations has null for them', async () => {
  const { podName } = await crio({ 'io.kubernetes.cri-o.Labels': 'null', 'io.kubernetes.cri-o.Annotations': 'null' });
  assert.equal(podName, 'counters');
});

test('CRI-O: single annotations alone, or JSON alone, are enough', async () => {
  const nested = {
    'io.kubernetes.cri-o.Labels': undefined,
    'io.kubernetes.cri-o.Annotations': undefined,
    'io.kubernetes.cri-o.Metadata': undefined,
  };
  const single = Object.fromEntries(Object.keys(kubeletLabels(SAMPLE)).map((key) => [key, undefined]));
  for (const changes of [nested, single]) {
    const { containerName, podName, namespace, podUid, sandboxId, kubelet } = await crio(changes);
    assert.deepEqual({ containerName, podName, namespace, podUid, sandboxId }, POD);
    assert.equal(kubelet.get('io.kubernetes.container.restartCount'), '3');
  }
});

const CONTRADICTIONS: Record<string, () => Promise<unknown>> = {
  'CRI-O: pod in the labels': () => crio({ 'io.kubernetes.pod.name': 'other' }),
  'CRI-O: namespace in the labels': () => crio({ 'io.kubernetes.pod.namespace': 'kube-system' }),
  'CRI-O: UID in the labels': () => crio({ 'io.kubernetes.pod.uid': 'other' }),
  'CRI-O: container in the metadata': () => crio({ 'io.kubernetes.cri-o.Metadata': '{"name":"other"}' }),
  'CRI-O: annotations': () => crio({ 'io.kubernetes.container.restartCount': '4' }),
  'containerd: pod in the status': () => containerd({ status: statusDump({ ...SAMPLE, pod: 'other' }) }),
  'containerd: container in the status': () => containerd({ status: statusDump({ ...SAMPLE, container: 'other' }) }),
};

for (const [what, look] of Object.entries(CONTRADICTIONS)) {
  test(`refuses contradictions, ${what}`, async () => {
    await assert.rejects(look(), /member "spec\.dump" and what belongs to it contradict each other: io\.kubernetes\./);
  });
}

test('what an engine does not record is undefined, and never taken from elsewhere', async () => {
  const config = {
    id: 'c1',
    name: 'k8s_counter_counters_default_uid_0',
    runtime: 'runc',
    createdTime: '0001-01-01T00:00:00Z',
  };
  const identity = await identityIn(
    tarOf([
      { name: 'config.dump', content: text(JSON.stringify(config)) },
      { name: 'spec.dump', content: text('{"annotations":null}') },
    ]),
  );
  const { containerId, containerName, runtime, kubelet, podIPs, image, ...rest } = identity;
  assert.deepEqual([containerId, containerName, runtime], ['c1', config.name, 'runc']);
  assert.deepEqual([kubelet.size, podIPs, Object.values(image).join('')], [0, [], '']);
  assert.deepEqual(
    Object.values(rest).filter((value) => value !== undefined),
    [],
  );
});

const BROKEN: Record<string, readonly [config: string, spec: string, reason: RegExp]> = {
  'no JSON': ['{', '{}', /member "config\.dump" is no JSON: it has an early end/],
  'a list': ['[]', '{}', /member "config\.dump" must have an object, not array/],
  'a number as a name': ['{"name":1}', '{}', /must have a string at "name", not number/],
  'a key twice': ['{"id":"a","ID":"b"}', '{}', /member "config\.dump" has more than one "id"/],
  'a time that is none': ['{"createdTime":"soon"}', '{}', /has no time at "createdTime"/],
  'annotations that are none': ['{}', '{"annotations":[]}', /must have an object at "annotations", not array/],
  'an annotation twice': [
    '{}',
    '{"annotations":{"io.kubernetes.pod.name":"a","io.kubernetes.pod.name":"b"}}',
    /has more than one "annotations\.io\.kubernetes\.pod\.name"/,
  ],
  'an annotation that is no string': ['{}', '{"annotations":{"io.container.manager":{}}}', /must have a string at/],
  'labels that are no JSON': [
    '{}',
    '{"annotations":{"io.container.manager":"cri-o","io.kubernetes.cri-o.Labels":"{"}}',
    /member "spec\.dump" is no JSON/,
  ],
  'too deep': ['{}', `${'['.repeat(70)}${']'.repeat(70)}`, /more than 64 levels/],
  'an endless name': [`{"id":"${'x'.repeat(5000)}"}`, '{}', /has more than 4096 characters at "id"/],
};

for (const [what, [config, spec, reason]] of Object.entries(BROKEN)) {
  test(`refuses ${what}`, async () => {
    const members = [
      { name: 'config.dump', content: text(config) },
      { name: 'spec.dump', content: text(spec) },
    ];
    await assert.rejects(identityIn(tarOf(members)), reason);
  });
}

test('keys like __proto__ are data like any other', async () => {
  const spec = '{"annotations":{"__proto__":"x","constructor":"y","io.container.manager":"cri-o"},"__proto__":{"a":1}}';
  const members = [
    { name: 'config.dump', content: text('{"__proto__":{"id":"evil"},"id":"good"}') },
    { name: 'spec.dump', content: text(spec) },
  ];
  const { containerId, manager } = await identityIn(tarOf(members));
  assert.deepEqual([containerId, manager, ({} as { id?: string }).id], ['good', 'cri-o', undefined]);
});
