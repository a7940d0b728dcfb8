import { stat } from 'node:fs/promises';
import { type Archive, openArchive } from '../../core/archive/reader.ts';
import { PodfreightError } from '../../core/errors.ts';
import type { Manifest, ManifestPod } from '../../core/manifest/manifest.ts';
import { isSandboxId, podFileName } from '../../core/sandbox-id.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { orFileError } from '../file-error.ts';
import { FileSource } from '../file-source.ts';
import { KUBELET_CHECKPOINTS, KubeletDirectory } from '../kubelet-directory.ts';
import { safeText } from '../safe-text.ts';
import { renderTable } from '../table.ts';

interface Flags {
  readonly target?: string;
  readonly showPodUid?: boolean;
  readonly showPodIp?: boolean;
}

export const setUp: SetUpCommand = (command, context) => {
  command
    .description(
      'Shows the pods and containers whose checkpoints are in a kubelet directory or an archive. ' +
        'An archive is read where it lies and never unpacks to disk.',
    )
    .argument('[target]', `a directory or an archive (default: ${KUBELET_CHECKPOINTS})`)
    .option('-t, --target <path>', 'the same as the argument')
    .option('--show-pod-uid', "add a column with the pods' UIDs")
    .option('--show-pod-ip', "add a column with the pods' addresses")
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ podfreight show                             this node
  $ podfreight show node-a.tar.zst              an archive that "podfreight extract" or checkpointctl wrote
  $ podfreight show --json | jq '.pods[].name'`,
    )
    .action((argument: string | undefined, flags: Flags) => show(argument, flags, context));
};

interface Shown {
  /** What "Displaying data from" names. */
  readonly from: string;
  readonly manifest: Manifest;
  isFound(pod: ManifestPod): boolean;
}

async function show(argument: string | undefined, flags: Flags, context: CommandContext): Promise<void> {
  if (argument !== undefined && flags.target !== undefined) {
    throw new PodfreightError('usage', `Give the target once, not as ${argument} and as --target ${flags.target}.`);
  }
  const target = argument ?? flags.target ?? KUBELET_CHECKPOINTS;
  const { isDirectory } = await orFileError(`Cannot open ${target}`, async () => {
    const found = await stat(target);
    return { isDirectory: found.isDirectory() };
  });
  const shown = isDirectory ? await readDirectory(target) : await readArchive(target, context);
  context.output.result(asJson(shown, target), await asText(shown, flags));
}

async function readDirectory(path: string): Promise<Shown> {
  const directory = new KubeletDirectory(path);
  const { manifest } = await directory.readManifest();
  const found = new Set<string>();
  for (const { sandboxId } of manifest.pods ?? []) {
    if (await directory.hasPod(sandboxId)) found.add(sandboxId);
  }
  return { from: directory.manifestPath, manifest, isFound: ({ sandboxId }) => found.has(sandboxId) };
}

async function readArchive(path: string, context: CommandContext): Promise<Shown> {
  const source = await FileSource.open(path, 'follow');
  try {
    const archive = await openArchive(source);
    const { manifest } = await archive.manifest();
    const names = new Set(await memberNames(archive, context));
    const isFound = ({ sandboxId }: ManifestPod) => isSandboxId(sandboxId) && names.has(podFileName(sandboxId));
    return { from: path, manifest, isFound };
  } finally {
    await source.close();
  }
}

/** An archive that does not tell where its members lie has to be decoded as a whole. */
async function memberNames(archive: Archive, { output, signal }: CommandContext): Promise<string[]> {
  const layout = await archive.layout();
  if (layout !== undefined) return layout.map((member) => member.name);
  using progress = output.progress('Reading');
  const names: string[] = [];
  for await (const { member, data } of archive.members()) {
    names.push(member.name);
    for await (const chunk of data) {
      signal.throwIfAborted();
      progress.advance(chunk.length);
    }
  }
  return names;
}

/** What the first checkpointctl printed. */
async function asText(shown: Shown, { showPodUid = false, showPodIp = false }: Flags): Promise<string> {
  const header = ['Pod', 'Namespace', 'Container', 'Image', 'Archive Found'];
  if (showPodUid) header.push('Pod UID');
  if (showPodIp) header.push('Pod IP');
  const rows = (shown.manifest.pods ?? []).flatMap((pod) =>
    (pod.containers ?? []).map((container) => [
      pod.name,
      pod.namespace,
      container.name,
      container.image,
      String(shown.isFound(pod)),
      ...(showPodUid ? [pod.uid] : []),
      ...(showPodIp ? [pod.podIP] : []),
    ]),
  );
  return `\nDisplaying data from ${safeText(shown.from)}\n\n${await renderTable(header, rows)}`;
}

function asJson(shown: Shown, target: string) {
  const pods = (shown.manifest.pods ?? []).map((pod) => ({
    sandboxId: pod.sandboxId,
    namespace: pod.namespace,
    name: pod.name,
    uid: pod.uid,
    hostIP: pod.hostIP,
    podIP: pod.podIP,
    podIPs: pod.podIPs,
    archiveFound: shown.isFound(pod),
    containers: (pod.containers ?? []).map(({ name, id, image, restartCount }) => ({ name, id, image, restartCount })),
  }));
  return { target, pods };
}
