import { gzipSync } from 'node:zlib';
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
import { joined, type Piece, randomBytes } from './pieces.ts';
import { type SampleMember, tarOf, text } from './tar.ts';

/** What a sample of containerd may say otherwise. */
export interface ContainerdFiles {
  readonly annotations: Readonly<Record<string, string>>;
  readonly imageRef: string;
  /** `status.dump` */
  readonly status: object;
}

/** A container archive as containerd writes it: a directory in lexical order, the root file system's changes in gzip. */
export function containerdArchive(sample: SampleContainer, files: Partial<ContainerdFiles> = {}): Piece[] {
  return tarOf(containerdMembers(sample, files));
}

/** @see containerd, internal/cri/server/container_checkpoint_linux.go */
export function containerdMembers(sample: SampleContainer, files: Partial<ContainerdFiles> = {}): SampleMember[] {
  const { rootfsBytes, logBytes, seed } = sample;
  const { annotations = containerdAnnotations(sample), status = statusDump(sample) } = files;
  const layer = tarOf([
    { name: 'data/' },
    { name: 'data/.wh.gone' },
    { name: 'data/count', content: [{ length: rootfsBytes, seed }] },
  ]);
  return [
    ...criuImages(sample),
    { name: 'config.dump', content: text(configDump(sample, files.imageRef)) },
    { name: 'container.log', content: [randomBytes(logBytes, seed + 1)] },
    { name: 'dump.log', content: [randomBytes(logBytes, seed)] },
    ...(rootfsBytes > 0 ? [{ name: 'rootfs-diff.tar', content: [gzipSync(joined(layer))] }] : []),
    { name: 'spec.dump', content: text(specDump(annotations)) },
    { name: 'stats-dump', content: [statsDump({ 1: 940, 2: 114_466, 3: 12_047, 4: 5_026, 5: 3_042, 7: 2_922 })] },
    { name: 'status', content: text(JSON.stringify({ Version: 'v1', Pid: 4242, ExitCode: 0 })) },
    { name: 'status.dump', content: text(JSON.stringify(status)) },
  ];
}

export function containerdAnnotations(sample: SampleContainer): Record<string, string> {
  const { pod, namespace, uid, container, image } = sample;
  return {
    'io.kubernetes.cri.container-name': container,
    'io.kubernetes.cri.container-type': 'container',
    'io.kubernetes.cri.image-name': image,
    'io.kubernetes.cri.sandbox-id': sandboxIdOf(sample),
    'io.kubernetes.cri.sandbox-name': pod,
    'io.kubernetes.cri.sandbox-namespace': namespace,
    'io.kubernetes.cri.sandbox-uid': uid,
  };
}

/** CRI's ContainerStatus, as Go writes it. */
export function statusDump(sample: SampleContainer): object {
  const { container, attempt, image, createdAt } = sample;
  return {
    id: containerIdOf(sample),
    metadata: { name: container, attempt },
    state: 1,
    created_at: Date.parse(createdAt) * 1_000_000,
    image: { image, user_specified_image: image },
    image_ref: imageIdOf(sample),
    labels: kubeletLabels(sample),
    annotations: kubeletAnnotations(sample),
    log_path: `/var/log/pods/${container}/0.log`,
  };
}

function configDump(sample: SampleContainer, imageRef?: string): string {
  const { pod, namespace, uid, container, attempt, image, createdAt, checkpointedAt, restoredAt } = sample;
  return JSON.stringify({
    id: containerIdOf(sample),
    name: [container, pod, namespace, uid, attempt].join('_'),
    rootfsImage: image,
    rootfsImageRef: imageRef ?? `${image.replace(/:[^:]*$/, '')}@${imageDigestOf(sample)}`,
    rootfsImageName: image,
    runtime: 'io.containerd.runc.v2',
    createdTime: createdAt,
    checkpointedTime: checkpointedAt,
    restoredTime: restoredAt,
    restored: false,
  });
}
