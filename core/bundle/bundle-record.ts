import { checkSamePods } from '../archive/archived-manifest.ts';
import { inOrder } from '../archive/in-order.ts';
import type { IndexedMember } from '../archive/member.ts';
import { openArchive } from '../archive/reader.ts';
import { boundedSource } from '../catalogue/bounded-source.ts';
import { wholeSeconds } from '../catalogue/instant.ts';
import { timesOf } from '../catalogue/pod-records.ts';
import type { BundleRecord, PodRecord, RecordedPod } from '../catalogue/records.ts';
import { isPodfreightError, PodfreightError } from '../errors.ts';
import { bundleKey } from '../keys.ts';
import type { ManifestPod } from '../manifest/manifest.ts';
import type { Catalogue, ObjectSource } from '../ports.ts';
import { podFileName } from '../sandbox-id.ts';
import { bundleId } from './bundle-id.ts';
import { recordedPods } from './bundled-pods.ts';
import { byName } from './choose-pods.ts';

const LOOKED_FOR_AT_ONCE = 8;
/** Archives with the same checkpoint. */
const COPIES_MAX = 100;

/**
 * What is recorded of a bundle when it is made, read from the bundle: its index and its manifest. Which node a pod came from
 * stands in no bundle; the catalogue's archives with the same bytes tell, while there are any and as far as they agree.
 * @throws PodfreightError `invalid-archive` for what is not the bundle that its key says, `unsupported` for one whose index
 *   and manifest are longer than a function may read, and as {@link openArchive} and the catalogue
 */
export async function bundleRecordOf(
  object: ObjectSource,
  catalogue: Pick<Catalogue, 'pods'>,
  region: string | undefined,
): Promise<BundleRecord> {
  const { id, format, members, listed } = await readBundle(object);
  const { bucket, key } = object.location;
  const memberOf = (sandboxId: string) => members.get(podFileName(sandboxId))!;
  // Where they come from takes a query each: not for more than are recorded.
  const first = recordedPods(listed.map((pod) => describe(pod, memberOf(pod.sandboxId), object)));
  const withOrigin = async (pod: RecordedPod): Promise<RecordedPod> => {
    const { sha256 } = memberOf(pod.sandboxId);
    return { ...pod, ...(await catalogued(pod.sandboxId, sha256, catalogue)) };
  };
  const pods = await Array.fromAsync(inOrder(first, LOOKED_FOR_AT_ONCE, withOrigin));
  return {
    bundleId: id,
    location: { bucket, key, ...(region !== undefined && { region }) },
    etag: object.etag,
    sizeBytes: object.sizeBytes,
    format,
    createdAt: wholeSeconds(object.modifiedAt),
    podCount: listed.length,
    pods: recordedPods(pods),
  };
}

/** Its parts, checked to be those of the bundle that its key names. */
async function readBundle(object: ObjectSource) {
  try {
    const archive = await openArchive(boundedSource(object));
    const { index } = archive;
    const id = index && bundleId(index);
    if (index === undefined || id === undefined || bundleKey(id, index.format) !== object.location.key) {
      throw new PodfreightError('invalid-archive', `${object.name} is not the bundle that its name says; remove it.`, {
        subject: { archive: object.name },
      });
    }
    const { manifest } = await archive.manifest();
    const members = new Map(index.members.map((member) => [member.name, member]));
    checkSamePods(manifest, members.keys(), object.name);
    return { id, format: index.format, members, listed: [...(manifest.pods ?? [])].sort(byName) };
  } catch (error) {
    if (!isPodfreightError(error, 'unsupported')) throw error;
    const message = `The bundle ${object.name} has an index too long or too new to be looked at; ask for it again, which catalogues it.`;
    throw new PodfreightError('unsupported', message, { cause: error, subject: { archive: object.name } });
  }
}

function describe(pod: ManifestPod, member: IndexedMember, { modifiedAt }: ObjectSource): RecordedPod {
  const { sandboxId, name, namespace } = pod;
  const { checkpointedAt } = timesOf(member, modifiedAt);
  return { sandboxId, name, namespace, checkpointedAt, sizeBytes: member.sizeBytes };
}

/** What archives with the same bytes have of a checkpoint, where they agree; else nothing. */
async function catalogued(
  sandboxId: string,
  sha256: string,
  catalogue: Pick<Catalogue, 'pods'>,
): Promise<Pick<PodRecord, 'checkpointedAt' | 'origin'> | undefined> {
  const { items, cursor } = await catalogue.pods({ by: 'sandbox', sandboxId }, { limit: COPIES_MAX });
  const copies = items
    .filter((pod) => pod.sha256 === sha256)
    .map(({ checkpointedAt, origin: { cluster, node } }) => ({ checkpointedAt, origin: { cluster, node } }));
  const agree = new Set(copies.map((copy) => JSON.stringify(copy))).size === 1;
  return agree && cursor === undefined ? copies[0] : undefined;
}
