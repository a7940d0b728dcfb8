import { type SampleContainer, sandboxIdOf } from './container.ts';
import { crioArchive, crioMembers } from './cri-o.ts';
import type { Piece } from './pieces.ts';
import { type SampleMember, tarOf, text } from './tar.ts';

/**
 * `list`: `pod.options` of 2021 with archives, the two files first. `map`: that of 2026 with archives, in lexical order.
 * `directories`: likewise, but each container in a directory, as containerd's proposal had it.
 */
export type PodForm = 'list' | 'map' | 'directories';

/** A pod archive of containers of one pod, as CRI-O checkpoints them. */
export function podArchive(containers: readonly SampleContainer[], form: PodForm): Piece[] {
  const files: SampleMember[] = [
    { name: 'pod.options', content: text(podOptions(containers, form)) },
    { name: 'pod.dump', content: text(podDump(containers[0]!)) },
  ];
  const inner = containers.flatMap((container) => {
    const entry = entryOf(container);
    if (form !== 'directories') return [{ name: `${entry}.tar`, content: crioArchive(container) }];
    return [
      { name: `${entry}/` },
      ...crioMembers(container).map((member) => ({ ...member, name: `${entry}/${member.name}` })),
    ];
  });
  return tarOf(form === 'list' ? [...files, ...inner] : [...inner, ...files.reverse()]);
}

/** What `pod.options` calls a container's archive or directory. */
export function entryOf({ container, pod, namespace, uid, attempt }: SampleContainer): string {
  return ['k8s', container, pod, namespace, uid, attempt].join('_');
}

function podOptions(containers: readonly SampleContainer[], form: PodForm): string {
  if (form === 'list') {
    return JSON.stringify({ version: 1, containers: containers.map(entryOf), mountLabel: '', processLabel: '' });
  }
  const { pod, namespace, uid } = containers[0]!;
  return JSON.stringify({
    version: 1,
    containers: Object.fromEntries(containers.map((sample) => [sample.container, entryOf(sample)])),
    annotations: {
      'org.criu.checkpoint.engine.name': 'CRI-O',
      'org.criu.checkpoint.pod.id': sandboxIdOf(containers[0]!),
      'org.criu.checkpoint.pod.name': pod,
      'org.criu.checkpoint.pod.namespace': namespace,
      'org.criu.checkpoint.pod.uid': uid,
    },
  });
}

function podDump({ pod, namespace, uid }: SampleContainer): string {
  return JSON.stringify({ metadata: { name: pod, uid, namespace, attempt: 0 }, hostname: pod });
}
