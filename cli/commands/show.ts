import { PodfreightError } from '../../core/errors.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { KUBELET_CHECKPOINTS } from '../kubelet-directory.ts';
import { look } from '../looking/look.ts';
import { reportFailures } from '../looking/report-failures.ts';
import { showJson } from '../looking/show-json.ts';
import { type Shown, showText } from '../looking/show-text.ts';
import type { Failed } from '../looking/sight.ts';

interface Flags {
  readonly target?: string;
  readonly showPodUid?: boolean;
  readonly showPodIp?: boolean;
}

export const setUp: SetUpCommand = (command, context) => {
  command
    .description(
      'Shows the checkpoints in kubelet directories and archives: those of pods with a checkpointed.pods, those of single ' +
        'containers from CRI-O, containerd or Podman, and those of single pods. An archive is read where it lies, on disk or ' +
        'in S3; it never unpacks to disk, and its memory pages are not read unless it is compressed.',
    )
    .argument('[target...]', `directories, archives, or s3://bucket/key (default: ${KUBELET_CHECKPOINTS})`)
    .option('-t, --target <path>', 'the same as the argument')
    .option('--show-pod-uid', "add a column with the pods' UIDs")
    .option('--show-pod-ip', "add a column with the pods' addresses")
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ podfreight show                            this node
  $ podfreight show node-a.tar.zst             an archive of pods
  $ podfreight show counter.tar.zst web.tar    what Podman or a kubelet wrote
  $ podfreight show s3://archives/default/n1/3f9a…/20261122T132000Z.tar.zst
  $ podfreight show --json | jq '.pods[].name, .containers[].container'`,
    )
    .action((targets: readonly string[], flags: Flags) => show(targets, flags, context));
};

async function show(named: readonly string[], flags: Flags, context: CommandContext): Promise<void> {
  const targets = targetsOf(named, flags);
  const shown: Shown[] = [];
  const failures: Failed[] = [];
  for (const target of targets) {
    for await (const seen of look(target, context)) {
      if (seen.kind === 'failed') failures.push(seen);
      else shown.push({ sight: seen, target });
    }
  }
  // What is alone and cannot be shown has no result.
  if (shown.length > 0 || failures.length > 1) {
    context.output.result(showJson(targets, shown, failures), await showText(shown, flags));
  }
  reportFailures(failures, context.output);
}

function targetsOf(named: readonly string[], { target }: Flags): readonly string[] {
  const [first] = named;
  if (first !== undefined && target !== undefined) {
    throw new PodfreightError('usage', `Give the target once, not as ${first} and as --target ${target}.`);
  }
  return first === undefined ? [target ?? KUBELET_CHECKPOINTS] : named;
}
