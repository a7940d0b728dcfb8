import { PodfreightError } from '../../core/errors.ts';
import type { PushResult } from '../../core/push.ts';
import type { CommandContext } from '../command.ts';

/**
 * Pushes archives of containers, as the kubelet names them, from this machine's disk to S3.
 * @param paths absolute, each of a file that is there
 * @returns one result for each path, in their order
 */
export type ShipCheckpoints = (paths: readonly string[], context: CommandContext) => Promise<readonly PushResult[]>;

/** The seam between `podfreight checkpoint` and pushing: nothing else of the command knows how checkpoints travel. */
export const shipCheckpoints: ShipCheckpoints = async (paths) => {
  throw new PodfreightError(
    'unsupported',
    `Cannot push ${paths.join(', ')}: container checkpoints cannot be pushed yet; --no-push leaves them on the node.`,
    { subject: { paths } },
  );
};
