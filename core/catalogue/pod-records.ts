import type { Member } from '../archive/member.ts';
import { type ContainerRecord as ArchivedContainer, containerRecords } from '../checkpoint/container-records.ts';
import { PodfreightError } from '../errors.ts';
import type { Origin } from '../keys.ts';
import type { Manifest, ManifestPod } from '../manifest/manifest.ts';
import type { ObjectSource } from '../ports.ts';
import { podFileName } from '../sandbox-id.ts';
import { isBelievable } from './checkpoint-time.ts';
import { factsOf } from './container-facts.ts';
import { wholeSeconds } from './instant.ts';
import type { ContainerArchiveRecord, ContainerRecord, PodRecord } from './records.ts';

/** What Kubernetes allows. Keys of the table hold both, escaped, and DynamoDB takes 2048 bytes of them. */
const NAME_BYTES_MAX = 253;
/** An image with registry, path, tag and digest stays below it; so does the path of a runtime. */
const IMAGE_BYTES_MAX = 512;
/** DynamoDB holds 400 KB in an item; a pod of a hundred containers takes 80 KB. */
const RECORD_BYTES_MAX = 200_000;

/** A node runs some hundreds. A pod is one item, a container at most five, and the function has a minute. */
const PODS_MAX = 5_000;
const CONTAINERS_MAX = 10_000;

/** Years that ISO 8601 writes with four digits, so that times sort as text. */
const TIME_END = Date.UTC(9999, 11, 31);

/** A member as far as it is known: the digest only from an index. */
type KnownMember = Member & { readonly sha256?: string };

/**
 * One record for each pod of a checked manifest.
 * @param members what the archive holds; absent when only reading all of it could tell
 * @throws PodfreightError `unsupported` for too many pods or containers, and for one too large to be catalogued;
 *   `invalid-manifest` for what a pod's entry says of its containers' archives
 */
export function podRecords(
  manifest: Manifest,
  members: readonly KnownMember[] | undefined,
  { location, etag, modifiedAt }: Pick<ObjectSource, 'location' | 'etag' | 'modifiedAt'>,
  origin: Origin,
): PodRecord[] {
  const pods = (manifest.pods ?? []).map((pod) => ({ pod, containers: containersOf(pod) }));
  checkCount(pods.length, PODS_MAX, 'pods');
  checkCount(pods.flatMap(({ containers }) => containers).length, CONTAINERS_MAX, 'containers');
  const byName = new Map(members?.map((member) => [member.name, member]));
  return pods.map(({ pod, containers }) => {
    const member = byName.get(podFileName(pod.sandboxId));
    const record: PodRecord = {
      sandboxId: pod.sandboxId,
      name: pod.name,
      namespace: pod.namespace,
      uid: pod.uid,
      origin,
      containers,
      ...timesOf(member, modifiedAt),
      ...(member !== undefined && { sizeBytes: member.sizeBytes }),
      ...(member?.sha256 !== undefined && { sha256: member.sha256 }),
      archive: { ...location, etag },
    };
    checkFits(record);
    return record;
  });
}

function checkCount(count: number, limit: number, what: string): void {
  if (count <= limit) return;
  throw new PodfreightError('unsupported', `It names ${count} ${what}; the catalogue takes ${limit} of one archive.`);
}

/** As the manifest lists them, and those that only the archives of the pod's containers tell of. */
function containersOf(pod: ManifestPod): ContainerRecord[] {
  const listed = pod.containers ?? [];
  const archives = new Map(containerRecords(pod)?.map((archived) => [archived.container, archived]));
  const names = new Set(listed.map(({ name }) => name));
  const unlisted = [...archives.values()].filter(({ container }) => !names.has(container));
  return [
    ...listed.map(({ name, id, image }) => ({ name, id, image, ...archiveOf(archives.get(name)) })),
    ...unlisted.map((archived) => ({
      name: archived.container,
      id: archived.containerId,
      image: archived.image,
      ...archiveOf(archived),
    })),
  ];
}

/** Without what the engine did not record. */
function archiveOf(archived: ArchivedContainer | undefined): Partial<ContainerArchiveRecord> {
  if (archived === undefined) return {};
  const { imageDigest, engine, runtime, createdAt, checkpointedAt, restoredAt, file, format, sha256 } = archived;
  const { sizeBytes, checkpointBytes, rootfsDiffBytes } = archived;
  const texts = { imageDigest, engine, runtime, createdAt, checkpointedAt, restoredAt, file, format, sha256 };
  return {
    ...Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== '')),
    ...{ sizeBytes, checkpointBytes, rootfsDiffBytes },
  };
}

/** What an archive says of its time decides what is newest, so it is taken at its word only as far as S3 can confirm it. */
export function timesOf(
  member: Member | undefined,
  modifiedAt: Date,
): Pick<PodRecord, 'checkpointedAt' | 'claimedAt' | 'storedAt'> {
  const storedAt = wholeSeconds(modifiedAt);
  if (!isTold(member)) return { checkpointedAt: storedAt, storedAt };
  const claimedAt = wholeSeconds(member.modifiedAt);
  if (isBelievable(member.modifiedAt, modifiedAt)) return { checkpointedAt: claimedAt, storedAt };
  return { checkpointedAt: storedAt, claimedAt, storedAt };
}

/** Tars made to be reproducible say 1970; the object's own time is nearer the truth. */
function isTold(member: Member | undefined): member is Member {
  const time = member?.modifiedAt.getTime() ?? 0;
  return time > 0 && time < TIME_END;
}

function checkFits(record: PodRecord): void {
  const { sandboxId, namespace, name, containers } = record;
  const isLong = (limit: number) => (text: string) => Buffer.byteLength(text) > limit;
  const long =
    [namespace, name].some(isLong(NAME_BYTES_MAX)) ||
    containers.flatMap(factsOf).some(({ value }) => isLong(IMAGE_BYTES_MAX)(value));
  if (!long && Buffer.byteLength(JSON.stringify(record)) <= RECORD_BYTES_MAX) return;
  const what = long
    ? `a name of more than ${NAME_BYTES_MAX} or an image or runtime of more than ${IMAGE_BYTES_MAX} bytes`
    : `a description of more than ${RECORD_BYTES_MAX} bytes`;
  throw new PodfreightError('unsupported', `Pod ${sandboxId} has ${what}, which the catalogue does not hold.`, {
    subject: { sandboxId },
  });
}
