import type { CommandContext } from '../command.ts';
import { type Destination, type Pushed, pushPaths } from '../push-paths.ts';

/**
 * Pushes archives of containers from this machine's disk, those of one pod together: as "podfreight push FILE…".
 * @param paths absolute, each of a file that is there
 */
export type ShipCheckpoints = (paths: readonly string[], to: Destination, context: CommandContext) => Promise<Pushed>;

export const shipCheckpoints: ShipCheckpoints = (paths, to, context) =>
  pushPaths(paths, { format: 'tar+zstd', selectors: [] }, to, context);
