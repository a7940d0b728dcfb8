import type { PodRecord } from '../core/catalogue/records.ts';
import { formatBytes } from './bytes.ts';

/** Title → what a row shows of a record. */
export type Columns = Readonly<Record<string, (record: PodRecord) => string>>;

const BEGIN: Columns = {
  Checkpointed: checkpointTime,
  Namespace: ({ namespace }) => namespace,
  Pod: ({ name }) => name,
};

/** A row for each pod. */
export const POD_COLUMNS: Columns = {
  ...BEGIN,
  Containers: ({ containers }) => containers.map(({ name }) => name).join(' '),
  Node: ({ origin }) => origin.node,
  Size: ({ sizeBytes }) => sizeOf(sizeBytes),
};

/** A row for each container, of records that have one each; the size is that of its own archive. */
export const CONTAINER_COLUMNS: Columns = {
  ...BEGIN,
  Container: ({ containers: [container] }) => container?.name ?? '',
  Image: ({ containers: [container] }) => container?.image ?? '',
  Engine: ({ containers: [container] }) => container?.engine ?? '',
  Runtime: ({ containers: [container] }) => container?.runtime ?? '',
  Node: ({ origin }) => origin.node,
  Size: ({ containers: [container] }) => sizeOf(container?.sizeBytes),
};

export const SANDBOX_COLUMN: Columns = { 'Sandbox ID': ({ sandboxId }) => sandboxId };

/** What its archive says is shown also where it cannot be. */
export function checkpointTime({ checkpointedAt, claimedAt }: PodRecord): string {
  return claimedAt === undefined ? checkpointedAt : `${checkpointedAt} (says ${claimedAt})`;
}

function sizeOf(bytes: number | undefined): string {
  return bytes === undefined ? '' : formatBytes(bytes);
}
