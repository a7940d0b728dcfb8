import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { link, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PageStream } from './pages.ts';

const WRITE_BYTES = 4 * 1024 * 1024;
const CHECKPOINTED_AT = new Date('2026-11-22T13:20:00Z');

export interface PodSpec {
  readonly sandboxId: string;
  readonly name: string;
  readonly sizeBytes: number;
}

/** `count` pods of the same size, named after `label`; the same arguments give the same pods. */
export function podSpecs(label: string, count: number, sizeBytes: number): PodSpec[] {
  return Array.from({ length: count }, (_, i) => {
    const name = `${label}-${i}`;
    return { name, sizeBytes, sandboxId: createHash('sha256').update(name).digest('hex') };
  });
}

export function podPath(directory: string, { sandboxId }: PodSpec): string {
  return join(directory, `${sandboxId}.tar`);
}

/** A kubelet directory whose pods are pages only: nothing looks into them. */
export async function writePods(directory: string, pods: readonly PodSpec[], corpus: Buffer): Promise<void> {
  await writeManifest(directory, pods);
  const block = Buffer.alloc(WRITE_BYTES);
  for (const pod of pods) {
    const pages = new PageStream(corpus, pod.name);
    const file = openSync(podPath(directory, pod), 'wx', 0o600);
    for (let at = 0; at < pod.sizeBytes; at += WRITE_BYTES) {
      const piece = block.subarray(0, Math.min(WRITE_BYTES, pod.sizeBytes - at));
      pages.fill(piece);
      for (let written = 0; written < piece.length; ) written += writeSync(file, piece, written);
    }
    closeSync(file);
    await utimes(podPath(directory, pod), CHECKPOINTED_AT, CHECKPOINTED_AT);
  }
}

/** A kubelet directory in which all pods are one and the same file, under many names. */
export async function linkPods(directory: string, pods: readonly PodSpec[], file: string): Promise<void> {
  await writeManifest(directory, pods);
  for (const pod of pods) await link(file, podPath(directory, pod));
}

async function writeManifest(directory: string, pods: readonly PodSpec[]): Promise<void> {
  mkdirSync(directory, { recursive: true });
  await writeFile(join(directory, 'checkpointed.pods'), manifestOf(pods));
}

/** What the first checkpointctl would have written. */
export function manifestOf(pods: readonly PodSpec[]): string {
  const entries = pods.map(({ sandboxId, name }) => ({
    'io.kubernetes.pod.uid': `${sandboxId.slice(0, 8)}-0000-4000-8000-${sandboxId.slice(8, 20)}`,
    SandboxID: sandboxId,
    'io.kubernetes.pod.name': name,
    'io.kubernetes.pod.namespace': 'bench',
    'io.container.manager': 'cri-o',
    Containers: [{ 'io.kubernetes.container.name': 'main', id: sandboxId, Image: 'bench' }],
    hostIP: '192.0.2.10',
    podIP: '10.85.0.7',
    podIPs: ['10.85.0.7'],
  }));
  return `${JSON.stringify({ version: 0, CheckpointedPods: entries }, null, 2)}\n`;
}
