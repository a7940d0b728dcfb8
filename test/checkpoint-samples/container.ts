import { createHash } from 'node:crypto';

/** A container of which samples are made. The same one always makes the same bytes. */
export interface SampleContainer {
  readonly pod: string;
  readonly namespace: string;
  readonly uid: string;
  readonly container: string;
  readonly attempt: number;
  readonly image: string;
  readonly createdAt: string;
  readonly checkpointedAt: string;
  /** Go's zero time: it was never restored. */
  readonly restoredAt: string;
  readonly processes: number;
  /** Memory pages of all processes. */
  readonly pagesBytes: number;
  /** Changed files; 0: none. */
  readonly rootfsBytes: number;
  /** CRIU's and the container's log, each. */
  readonly logBytes: number;
  readonly seed: number;
}

const COUNTER: SampleContainer = {
  pod: 'counters',
  namespace: 'default',
  uid: '7f0dd0a4-1f3c-4f6b-8f0e-0f2d5b1c9a22',
  container: 'counter',
  attempt: 0,
  image: 'registry.example/counter:1.2',
  createdAt: '2026-11-22T14:24:51.656661530+01:00',
  checkpointedAt: '2026-11-22T14:31:07.123456789+01:00',
  restoredAt: '0001-01-01T00:00:00Z',
  processes: 2,
  pagesBytes: 64 * 1024,
  rootfsBytes: 2048,
  logBytes: 3000,
  seed: 1,
};

export function sampleContainer(fields: Partial<SampleContainer> = {}): SampleContainer {
  return { ...COUNTER, ...fields };
}

/** 64 hexadecimal digits, as engines name containers, sandboxes and images. */
export function sampleId(...of: readonly (string | number)[]): string {
  return createHash('sha256').update(of.join('\n')).digest('hex');
}

export function containerIdOf({ uid, container, attempt, seed }: SampleContainer): string {
  return sampleId('container', uid, container, attempt, seed);
}

/** One for each pod. */
export function sandboxIdOf({ uid }: SampleContainer): string {
  return sampleId('sandbox', uid);
}

export function imageIdOf({ image }: SampleContainer): string {
  return sampleId('image', image);
}

export function imageDigestOf({ image }: SampleContainer): string {
  return `sha256:${sampleId('manifest', image)}`;
}

/** What the kubelet gives every container as labels. */
export function kubeletLabels({ pod, namespace, uid, container }: SampleContainer): Record<string, string> {
  return {
    'io.kubernetes.container.name': container,
    'io.kubernetes.pod.name': pod,
    'io.kubernetes.pod.namespace': namespace,
    'io.kubernetes.pod.uid': uid,
  };
}

/** And as annotations. */
export function kubeletAnnotations({ attempt }: SampleContainer): Record<string, string> {
  return {
    'io.kubernetes.container.hash': '6d1b37a5',
    'io.kubernetes.container.restartCount': String(attempt),
    'io.kubernetes.container.terminationMessagePath': '/dev/termination-log',
    'io.kubernetes.container.terminationMessagePolicy': 'File',
    'io.kubernetes.pod.terminationGracePeriod': '30',
  };
}

/** An OCI runtime specification with these annotations. */
export function specDump(annotations: Readonly<Record<string, string>>, indent?: number): string {
  const spec = {
    ociVersion: '1.2.0',
    process: { user: { uid: 0, gid: 0 }, args: ['/bin/counter'], env: ['PATH=/bin'], cwd: '/' },
    root: { path: 'rootfs' },
    mounts: [{ destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] }],
    annotations,
    linux: { namespaces: [{ type: 'pid' }, { type: 'mount' }] },
  };
  return JSON.stringify(spec, null, indent);
}
