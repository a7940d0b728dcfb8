import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isPodfreightError, PodfreightError } from '../../core/errors.ts';
import type { ObjectLocation } from '../../core/ports.ts';
import type { CommandContext } from '../command.ts';
import { FileSource } from '../file-source.ts';
import { KubeletDirectory } from '../kubelet-directory.ts';
import { parseObjectUrl } from '../object-url.ts';
import { openStore } from '../services.ts';
import { readSettings, regionsIn } from '../settings.ts';
import { directoryArchives } from './directory-archives.ts';
import { containersOf, type Failed, lookAtArchive, type PodsSight, type Sight } from './sight.ts';

/**
 * Looks at what a command line names: an archive in a file or in S3, or all that a directory has, its manifest first. What
 * cannot be looked at comes as {@link Failed}, and the rest all the same.
 * @param target a path or `s3://bucket/key`
 * @throws PodfreightError `usage` for a URL without a key, and the signal's reason
 */
export async function* look(target: string, context: CommandContext): AsyncGenerator<Sight | Failed> {
  const location = parseObjectUrl(target);
  if (location !== undefined) yield await attempt(target, () => lookAtObject(location, context));
  else if (await isDirectory(target)) yield* lookIntoDirectory(target, context);
  else yield await attempt(target, () => lookAtFile(target, 'follow', context));
}

/** What is missing is none; opening it says so. */
function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

async function lookAtObject(location: ObjectLocation, context: CommandContext): Promise<Sight> {
  const store = await openStore(regionsIn(readSettings({})));
  const source = await store.open(location);
  try {
    return await lookAtArchive(source, basename(location.key), context);
  } finally {
    await source.close();
  }
}

async function lookAtFile(path: string, links: 'follow' | 'refuse', context: CommandContext): Promise<Sight> {
  const source = await FileSource.open(path, links);
  try {
    return await lookAtArchive(source, basename(path), context);
  } finally {
    await source.close();
  }
}

async function* lookIntoDirectory(path: string, context: CommandContext): AsyncGenerator<Sight | Failed> {
  const found = await attempt(path, () => directoryArchives(path));
  if ('kind' in found) return yield found;
  let hasAny = found.hasManifest;
  if (found.hasManifest) {
    const directory = new KubeletDirectory(path);
    yield await attempt(directory.manifestPath, () => lookAtManifest(directory));
  }
  for (const name of found.names) {
    const sight = await lookAtEntry(path, name, context);
    if (sight === undefined) continue;
    hasAny = true;
    yield sight;
  }
  if (!hasAny) yield { kind: 'failed', source: path, error: hasNothing(path) };
}

/** @returns undefined for one that is gone: whoever removes old checkpoints does so at any moment */
export async function lookAtEntry(
  directory: string,
  name: string,
  context: CommandContext,
): Promise<Sight | Failed | undefined> {
  const source = join(directory, name);
  const sight = await attempt(source, () => lookAtFile(source, 'refuse', context));
  return sight.kind === 'failed' && isPodfreightError(sight.error, 'not-found') ? undefined : sight;
}

export async function lookAtManifest(directory: KubeletDirectory): Promise<PodsSight> {
  const { manifest } = await directory.readManifest();
  const found = new Set<string>();
  for (const { sandboxId } of manifest.pods ?? []) {
    if (await directory.hasPod(sandboxId)) found.add(sandboxId);
  }
  const source = directory.manifestPath;
  const containers = await containersOf(manifest, source);
  return {
    ...{ kind: 'pods', source, manifest, containers, sizeBytes: undefined, modifiedAt: undefined },
    isFound: ({ sandboxId }) => found.has(sandboxId),
  };
}

/** @throws what is no failure of what is looked at: being stopped, and defects */
export async function attempt<T>(source: string, act: () => Promise<T>): Promise<T | Failed> {
  try {
    return await act();
  } catch (error) {
    if (!isPodfreightError(error) || isPodfreightError(error, 'interrupted', 'internal')) throw error;
    return { kind: 'failed', source, error };
  }
}

export function hasNothing(path: string): PodfreightError {
  return new PodfreightError(
    'not-found',
    `${path} has no checkpoints: neither checkpointed.pods nor archives (*.tar, *.tar.gz, *.tar.zst).`,
    { subject: { path } },
  );
}
