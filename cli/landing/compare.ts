import { createHash } from 'node:crypto';
import { PodfreightError } from '../../core/errors.ts';
import { FileSource } from '../file-source.ts';
import { type KubeletDirectory, lookUp } from '../kubelet-directory.ts';
import type { Comparison } from './plan.ts';

/** What is known of an arriving file; before it was read, that may be nothing. */
export interface Arrival {
  readonly sizeBytes?: number;
  readonly sha256?: string;
}

/** SHA-256 of files, each version of a file hashed once. */
export class Digests {
  readonly #known = new Map<string, string>();

  async of(path: string, version: string): Promise<string> {
    const known = this.#known.get(version);
    if (known !== undefined) return known;
    const digest = await digestOf(path);
    this.#known.set(version, digest);
    return digest;
  }
}

/**
 * Compares what the target has with what arrives. Where size and digest say nothing yet, the bytes count as the same.
 * @param names of the arriving files
 * @throws PodfreightError `conflict` when something that is no regular file has the name of one
 */
export async function compareFiles(
  target: KubeletDirectory,
  names: Iterable<string>,
  arrivals: ReadonlyMap<string, Arrival>,
  digests: Digests,
): Promise<Map<string, Comparison>> {
  const comparisons = new Map<string, Comparison>();
  for (const name of names) {
    comparisons.set(name, await compare(target.filePath(name), arrivals.get(name) ?? {}, digests));
  }
  return comparisons;
}

async function compare(path: string, { sizeBytes, sha256 }: Arrival, digests: Digests): Promise<Comparison> {
  const there = await lookUp(path);
  if (there.kind === 'nothing') return 'absent';
  if (there.kind === 'obstacle') {
    throw new PodfreightError('conflict', `${path} is not a regular file; remove it first.`, { subject: { path } });
  }
  if (sizeBytes !== undefined && sizeBytes !== there.sizeBytes) return 'other';
  if (sha256 === undefined) return 'same';
  return (await digests.of(path, there.version)) === sha256 ? 'same' : 'other';
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  const source = await FileSource.open(path, 'refuse');
  try {
    for await (const chunk of source.stream({ start: 0, end: source.sizeBytes })) hash.update(chunk);
  } finally {
    await source.close();
  }
  return hash.digest('hex');
}
