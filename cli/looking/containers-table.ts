import type { ContainerSummary } from '../../core/checkpoint/container-summary.ts';
import { formatBytes } from '../bytes.ts';
import { renderTable } from '../table.ts';

export interface ContainersTableOptions {
  readonly showPodUid?: boolean;
  readonly showPodIp?: boolean;
}

/** A container, and the archive it was found in where that has to be said. */
export interface ContainersTableRow extends ContainerSummary {
  readonly archive?: string;
}

/** As many digits of an ID as container engines show. */
const ID_LENGTH = 12;

const ENGINES: ReadonlyMap<string, string> = new Map([
  ['cri-o', 'CRI-O'],
  ['podman', 'Podman'],
]);

/**
 * The table of today's checkpointctl with the pod before it, and when the checkpoint was taken: one container of a pod may
 * have several. What no engine recorded is blank.
 */
export async function containersTable(
  rows: readonly ContainersTableRow[],
  { showPodUid = false, showPodIp = false }: ContainersTableOptions = {},
): Promise<string> {
  const columns: readonly (readonly [title: string, text: (row: ContainersTableRow) => string])[] = [
    ['Pod', (row) => row.pod],
    ['Namespace', (row) => row.namespace],
    ['Container', (row) => row.container],
    ['Image', (row) => row.image],
    ['ID', (row) => row.containerId.slice(0, ID_LENGTH)],
    ['Runtime', (row) => row.runtime],
    ['Created', (row) => wholeSeconds(row.createdAt)],
    ['Checkpointed', (row) => wholeSeconds(row.checkpointedAt)],
    ['Engine', (row) => engineName(row.engine)],
    ['CHKPT Size', (row) => sizeText(row.checkpointBytes)],
    ['Root FS Diff Size', (row) => sizeText(row.rootfsDiffBytes)],
    ...(showPodUid ? [['Pod UID', (row: ContainersTableRow) => row.podUid] as const] : []),
    ...(showPodIp ? [['Pod IP', (row: ContainersTableRow) => row.podIPs[0] ?? ''] as const] : []),
    ...(rows.some(({ archive }) => archive !== undefined)
      ? [['Archive', (row: ContainersTableRow) => row.archive ?? ''] as const]
      : []),
  ];
  return renderTable(
    columns.map(([title]) => title),
    rows.map((row) => columns.map(([, text]) => text(row))),
    { merge: false },
  );
}

/** As its makers write it. */
export function engineName(engine: string): string {
  return ENGINES.get(engine) ?? engine;
}

/** No bytes are nothing. */
export function sizeText(sizeBytes: number): string {
  return sizeBytes === 0 ? '' : formatBytes(sizeBytes);
}

/** An ISO time without fractions of seconds. */
export function wholeSeconds(time: string): string {
  return time.replace(/\.\d+Z$/, 'Z');
}
