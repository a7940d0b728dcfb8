import {
  containerIdOf,
  imageDigestOf,
  imageIdOf,
  kubeletAnnotations,
  kubeletLabels,
  type SampleContainer,
  sandboxIdOf,
  specDump,
} from './container.ts';
import { criuImages, statsDump } from './criu.ts';
import { type Piece, randomBytes } from './pieces.ts';
import { type SampleMember, tarOf, text } from './tar.ts';

/** A container archive as CRI-O writes it: what says whose it is comes after the memory pages. */
export function crioArchive(sample: SampleContainer, annotations = crioAnnotations(sample)): Piece[] {
  return tarOf(crioMembers(sample, annotations));
}

/** @see cri-o, internal/lib/checkpoint.go exportCheckpoint */
export function crioMembers(sample: SampleContainer, annotations = crioAnnotations(sample)): SampleMember[] {
  const { rootfsBytes, logBytes, seed } = sample;
  const rootfs = [{ length: rootfsBytes, seed }];
  return [
    { name: 'stats-dump', content: [statsDump({ 1: 101_081, 2: 198_033, 3: 1_247, 4: 227, 5: 47, 7: 33 })] },
    { name: 'dump.log', content: [randomBytes(logBytes, seed)] },
    ...criuImages(sample),
    { name: 'config.dump', content: text(configDump(sample)) },
    { name: 'spec.dump', content: text(specDump(annotations, 2)) },
    { name: 'bind.mounts', content: text(JSON.stringify([bindMount(sample)], null, 2)) },
    ...(rootfsBytes > 0
      ? [{ name: 'rootfs-diff.tar', content: tarOf([{ name: 'data/count', content: rootfs }]) }]
      : []),
    { name: 'deleted.files', content: text('["/tmp/gone"]') },
    { name: 'io.kubernetes.cri-o.LogPath', content: [randomBytes(logBytes, seed + 1)] },
  ];
}

/** What it says of the pod among the annotations of the specification. */
export function crioAnnotations(sample: SampleContainer): Record<string, string> {
  const { container, attempt, image, createdAt } = sample;
  const labels = kubeletLabels(sample);
  const annotations = kubeletAnnotations(sample);
  return {
    'kubernetes.io/config.seen': '2026-11-22T13:20:00.000000000Z',
    'kubernetes.io/config.source': 'api',
    'io.container.manager': 'cri-o',
    'io.kubernetes.cri-o.Annotations': JSON.stringify(annotations),
    'io.kubernetes.cri-o.ContainerID': containerIdOf(sample),
    'io.kubernetes.cri-o.ContainerType': 'container',
    'io.kubernetes.cri-o.Created': createdAt,
    'io.kubernetes.cri-o.IP.0': '10.85.0.8',
    'io.kubernetes.cri-o.Image': image,
    'io.kubernetes.cri-o.ImageName': image,
    'io.kubernetes.cri-o.ImageRef': imageIdOf(sample),
    'io.kubernetes.cri-o.ImageRepoDigests': `${image.replace(/:[^:]*$/, '')}@${imageDigestOf(sample)}`,
    'io.kubernetes.cri-o.Labels': JSON.stringify(labels),
    'io.kubernetes.cri-o.Metadata': JSON.stringify({ name: container, ...(attempt > 0 && { attempt }) }),
    'io.kubernetes.cri-o.Name': nameOf(sample),
    'io.kubernetes.cri-o.SandboxID': sandboxIdOf(sample),
    ...annotations,
    ...labels,
  };
}

function configDump(sample: SampleContainer): string {
  const { image, createdAt, checkpointedAt, restoredAt } = sample;
  const config = {
    id: containerIdOf(sample),
    name: nameOf(sample),
    rootfsImage: image,
    rootfsImageRef: imageIdOf(sample),
    rootfsImageName: image,
    runtime: 'runc',
    createdTime: createdAt,
    checkpointedTime: checkpointedAt,
    restoredTime: restoredAt,
    restored: !restoredAt.startsWith('0001'),
  };
  return JSON.stringify(config, null, 2);
}

function nameOf({ container, pod, namespace, uid, attempt }: SampleContainer): string {
  return ['k8s', container, pod, namespace, uid, attempt].join('_');
}

function bindMount({ uid }: SampleContainer): object {
  const source = `/var/lib/kubelet/pods/${uid}/etc-hosts`;
  return { source, destination: '/etc/hosts', file_type: 'file', permissions: 0o644 };
}
