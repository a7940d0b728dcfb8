import { basename } from 'node:path';
import { parseKubeletFileName } from '../../core/checkpoint/kubelet-file-name.ts';
import { safeText } from '../safe-text.ts';
import { renderTable } from '../table.ts';
import type { ContainersTableOptions } from './containers-table.ts';
import type { ContainersSight, PodsSight, Sight } from './sight.ts';

/** A sight, and the word of the command line that led to it. */
export type Shown<Seen extends Sight = Sight> = { readonly sight: Seen; readonly target: string };

/** What a person is shown: each manifest by itself, then the containers of all other archives together. */
export async function showText(shown: readonly Shown[], options: ContainersTableOptions): Promise<string> {
  const sections: string[] = [];
  for (const { sight } of shown) if (sight.kind === 'pods') sections.push(await podsSection(sight, options));
  for (const kind of ['container', 'pod'] as const) {
    const same = shown.filter((one): one is Shown<ContainersSight> => one.sight.kind === kind);
    if (same.length > 0) sections.push(await containersSection(kind, same, options));
  }
  return sections.join('');
}

/** What the first checkpointctl printed, and more only where there are container archives. */
async function podsSection(sight: PodsSight, options: ContainersTableOptions): Promise<string> {
  const { showPodUid = false, showPodIp = false } = options;
  const header = ['Pod', 'Namespace', 'Container', 'Image', 'Archive Found'];
  if (showPodUid) header.push('Pod UID');
  if (showPodIp) header.push('Pod IP');
  const rows = (sight.manifest.pods ?? []).flatMap((pod) =>
    (pod.containers ?? []).map((container) => [
      pod.name,
      pod.namespace,
      container.name,
      container.image,
      String(sight.isFound(pod)),
      ...(showPodUid ? [pod.uid] : []),
      ...(showPodIp ? [pod.podIP] : []),
    ]),
  );
  const table = await renderTable(header, rows);
  const section = `\nDisplaying data from ${safeText(sight.source)}\n\n${table}`;
  if (sight.containers.length === 0) return section;
  const { containersTable } = await import('./containers-table.ts');
  return `${section}\nContainer archives of these pods\n\n${await containersTable(sight.containers, options)}`;
}

async function containersSection(
  kind: ContainersSight['kind'],
  shown: readonly Shown<ContainersSight>[],
  options: ContainersTableOptions,
): Promise<string> {
  const { containersTable } = await import('./containers-table.ts');
  const nameOf = archiveNaming(shown);
  const rows = shown.flatMap(({ sight }) =>
    sight.containers.map((container) => (nameOf ? { ...container, archive: nameOf(sight) } : container)),
  );
  const table = await containersTable(rows, options);
  return `\nDisplaying ${kind} checkpoint data from ${safeText(origin(shown))}\n\n${table}`;
}

function origin(shown: readonly Shown<ContainersSight>[]): string {
  const [only, another] = shown;
  if (another === undefined) return only!.sight.source;
  return shareTarget(shown) ? only!.target : `${shown.length} archives`;
}

/**
 * How the table says which archive a row is from. One archive stands above it; and the kubelet's names in one directory say no
 * more than the row does, at great length.
 */
function archiveNaming(shown: readonly Shown<ContainersSight>[]): ((sight: ContainersSight) => string) | undefined {
  if (shown.length === 1) return undefined;
  if (!shareTarget(shown)) return ({ source }) => source;
  const telling = shown.every(({ sight }) => parseKubeletFileName(basename(sight.source)) !== undefined);
  return telling ? undefined : ({ source }) => basename(source);
}

function shareTarget(shown: readonly Shown[]): boolean {
  return shown.every(({ target }) => target === shown[0]!.target);
}
