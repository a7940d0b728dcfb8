import { createHash } from 'node:crypto';
import { type ContainerRecord, recordsField } from '../../core/checkpoint/container-records.ts';
import { joined } from '../checkpoint-samples/pieces.ts';
import { type SampleMember, tarOf, text } from '../checkpoint-samples/tar.ts';
import type { TextPod } from '../e2e/bundle.ts';
import { pod } from './pods.ts';

/** File name → its text, in ASCII. */
export type TextFiles = Readonly<Record<string, string>>;

/** What a test says otherwise than it is. */
export interface Lies {
  /** By the file's name. */
  readonly records?: Readonly<Record<string, Partial<ContainerRecord>>>;
  /** What the pod's tar has instead of its two files and its archives. */
  readonly members?: (members: readonly SampleMember[]) => readonly SampleMember[];
}

/** A pod made of what stands for container archives: each container is called as its file without `.tar`. */
export function containerPod(sandboxId: string, files: TextFiles, lies: Lies = {}): TextPod {
  const names = Object.keys(files);
  const stems = names.map((name) => name.replace(/\.tar(\.zst|\.gz)?$/, ''));
  const members: SampleMember[] = [
    {
      name: 'pod.options',
      content: text(JSON.stringify({ version: 1, containers: Object.fromEntries(stems.map((stem) => [stem, stem])) })),
    },
    { name: 'pod.dump', content: text(JSON.stringify({ metadata: { name: `pod-${sandboxId}` } })) },
    ...stems.map((stem, i) => ({ name: `${stem}.tar`, content: text(files[names[i]!]!) })),
  ];
  const records = names.map((file, i) => ({ ...recordOf(file, stems[i]!, files[file]!), ...lies.records?.[file] }));
  const tar = joined(tarOf(lies.members?.(members) ?? members));
  return { entry: pod(sandboxId, { unknown: [recordsField(records)] }), text: tar.toString('latin1') };
}

function recordOf(file: string, container: string, content: string): ContainerRecord {
  const nothing = { containerId: '', engine: '', runtime: '', image: '', imageDigest: '' };
  return {
    ...nothing,
    ...{ file, container, createdAt: '', checkpointedAt: '', restoredAt: '', format: 'tar' },
    ...{ checkpointBytes: 0, rootfsDiffBytes: 0, unknown: [] },
    sizeBytes: Buffer.byteLength(content),
    sha256: createHash('sha256').update(content).digest('hex'),
  };
}
