import type { ArchiveFormat } from '../core/archive/format.ts';
import { PodfreightError } from '../core/errors.ts';
import type { Origin } from '../core/keys.ts';
import type { PushResult } from '../core/push.ts';
import { pushAll } from '../core/push-all.ts';
import type { Regions } from '../core/regions.ts';
import type { CommandContext } from './command.ts';
import { openStore } from './services.ts';
import { originOf, readSettings, regionsIn, required, type Settings } from './settings.ts';
import { packShipments } from './shipments.ts';

/** Where archives go. */
export interface Destination {
  readonly bucket: string;
  readonly origin: Origin;
  readonly regions: Regions;
}

export interface PushedArchive extends PushResult {
  /** Names of the container archives in it, where it was made of such. */
  readonly files?: readonly string[];
}

export interface Pushed {
  readonly archives: readonly PushedArchive[];
  /** What was found, and could not be pushed. */
  readonly failures: readonly PodfreightError[];
}

/** @throws PodfreightError `usage` */
export function destinationOf(flags: Settings): Destination {
  const settings = readSettings(flags);
  return { bucket: required(settings, 'archivesBucket'), origin: originOf(settings), regions: regionsIn(settings) };
}

/**
 * Pushes what lies at these paths, see `packShipments`; what S3 has already is not sent.
 * @throws PodfreightError as `packShipments` and `pushAll`; `not-found` where there is nothing
 */
export async function pushPaths(
  paths: readonly string[],
  what: { readonly format: ArchiveFormat; readonly selectors: readonly string[] },
  { bucket, origin, regions }: Destination,
  { output, signal }: CommandContext,
): Promise<Pushed> {
  await using shipments = await (async () => {
    using progress = output.progress('Checking');
    return await packShipments(paths, { ...what, signal, onRead: (bytes) => progress.advance(bytes) });
  })();
  const { list, failures } = shipments;
  if (failures.length === 0 && list.every(({ shipment }) => shipment.sandboxIds.length === 0)) {
    const where = paths.join(', ');
    throw new PodfreightError('not-found', `${where} lists no pods, so there is nothing to push.`, {
      subject: { path: where },
    });
  }
  if (list.length === 0) return { archives: [], failures };
  const store = await openStore(regions);
  using progress = output.progress(
    'Pushing',
    list.reduce((sum, { shipment }) => sum + shipment.readBytes, 0),
  );
  const results = pushAll(
    list.map(({ shipment }) => shipment),
    { store, bucket, origin, signal, onRead: (bytes) => progress.advance(bytes) },
  );
  const archives: PushedArchive[] = [];
  for await (const result of results) {
    const { files } = list[archives.length]!;
    archives.push({ ...result, ...(files.length > 0 && { files }) });
  }
  return { archives, failures };
}
