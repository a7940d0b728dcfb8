import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type SampleContainer, sampleContainer } from './container.ts';
import { containerdArchive } from './containerd.ts';
import { crioArchive } from './cri-o.ts';
import { fileNameOf } from './found.ts';
import { writeSample } from './write.ts';

/** Two containers of one pod, by CRI-O. */
export const COUNTER = sampleContainer();
export const WEB = sampleContainer({
  container: 'web',
  image: 'registry.example/web:1',
  checkpointedAt: '2026-11-22T14:31:09+01:00',
  rootfsBytes: 0,
  seed: 9,
});

/** And one of another, by containerd. Where its namespace ends, its file's name does not say. */
export const API = sampleContainer({
  pod: 'api',
  namespace: 'edge-eu',
  uid: '2c1de0b7-9a5f-44c0-a1a7-6f7a9e1d4b44',
  container: 'front',
  image: 'registry.example/api:3',
  checkpointedAt: '2026-11-22T13:20:00Z',
  processes: 1,
  pagesBytes: 3 * 1024 * 1024,
  seed: 20,
});

/** Writes the three as kubelets name them. @returns the files' names, by name */
export async function writeKubeletArchives(directory: string): Promise<string[]> {
  await mkdir(directory, { recursive: true });
  const write = async (sample: SampleContainer, make: typeof crioArchive) => {
    await writeSample(join(directory, fileNameOf(sample)), make(sample));
    return fileNameOf(sample);
  };
  return [await write(API, containerdArchive), await write(COUNTER, crioArchive), await write(WEB, crioArchive)];
}
