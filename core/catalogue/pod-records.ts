import type { Member } from '../archive/member.ts';
import { PodfreightError } from '../errors.ts';
import type { Origin } from '../keys.ts';
import type { Manifest, ManifestPod } from '../manifest/manifest.ts';
import type { ObjectSource } from '../ports.ts';
import { podFileName } from '../sandbox-id.ts';
import { wholeSeconds } from './instant.ts';
import type { PodRecord } from './records.ts';

/** What Kubernetes allows. Keys of the table hold both, escaped, and DynamoDB takes 2048 bytes of them. */
const NAME_BYTES_MAX = 253;
/** An image with registry, path, tag and digest stays below it. */
const IMAGE_BYTES_MAX = 512;
/** DynamoDB holds 400 KB in an item; a pod of a hundred containers takes 40 KB. */
const RECORD_BYTES_MAX = 200_000;

/** A node runs some hundreds. Each is a write, and the function has a minute. */
const PODS_MAX = 5_000;

/** Years that ISO 8601 writes with four digits, so that times sort as text. */
const TIME_END = Date.UTC(9999, 11, 31);

/** A member as far as it is known: the digest only from an index. */
type KnownMember = Member & { readonly sha256?: string };

/**
 * One record for each pod of a checked manifest.
 * @param members what the archive holds; absent when only reading all of it could tell
 * @throws PodfreightError `unsupported` for too many pods, and for one too large to be catalogued
 */
export function podRecords(
  manifest: Manifest,
  members: readonly KnownMember[] | undefined,
  { location, etag, modifiedAt }: Pick<ObjectSource, 'location' | 'etag' | 'modifiedAt'>,
  origin: Origin,
): PodRecord[] {
  const podCount = manifest.pods?.length ?? 0;
  if (podCount > PODS_MAX) {
    throw new PodfreightError(
      'unsupported',
      `It names ${podCount} pods; the catalogue takes ${PODS_MAX} of one archive.`,
    );
  }
  const byName = new Map(members?.map((member) => [member.name, member]));
  return (manifest.pods ?? []).map((pod) => {
    const member = byName.get(podFileName(pod.sandboxId));
    const record: PodRecord = {
      sandboxId: pod.sandboxId,
      name: pod.name,
      namespace: pod.namespace,
      uid: pod.uid,
      origin,
      containers: (pod.containers ?? []).map(({ name, id, image }) => ({ name, id, image })),
      checkpointedAt: wholeSeconds(isTold(member) ? member.modifiedAt : modifiedAt),
      storedAt: wholeSeconds(modifiedAt),
      ...(member !== undefined && { sizeBytes: member.sizeBytes }),
      ...(member?.sha256 !== undefined && { sha256: member.sha256 }),
      archive: { ...location, etag },
    };
    checkFits(pod, record);
    return record;
  });
}

/** Tars made to be reproducible say 1970; the object's own time is nearer the truth. */
function isTold(member: Member | undefined): member is Member {
  const time = member?.modifiedAt.getTime() ?? 0;
  return time > 0 && time < TIME_END;
}

function checkFits({ sandboxId, namespace, name, containers }: ManifestPod, record: PodRecord): void {
  const isLong = (limit: number) => (text: string) => Buffer.byteLength(text) > limit;
  const long =
    [namespace, name].some(isLong(NAME_BYTES_MAX)) ||
    (containers ?? []).some(({ image }) => isLong(IMAGE_BYTES_MAX)(image));
  if (!long && Buffer.byteLength(JSON.stringify(record)) <= RECORD_BYTES_MAX) return;
  const what = long
    ? `a name of more than ${NAME_BYTES_MAX} or an image of more than ${IMAGE_BYTES_MAX} bytes`
    : `a description of more than ${RECORD_BYTES_MAX} bytes`;
  throw new PodfreightError('unsupported', `Pod ${sandboxId} has ${what}, which the catalogue does not hold.`, {
    subject: { sandboxId },
  });
}
