import { JSON_BYTES_MAX } from '../manifest/json.ts';
import { checkManifest, type Manifest, parseManifest } from '../manifest/manifest.ts';
import { MANIFEST_NAME } from '../sandbox-id.ts';
import type { Member } from './member.ts';
import { invalidArchive } from './refusal.ts';

/** The manifest of an archive, and its bytes as they stand there. */
export interface ArchivedManifest {
  /** Its SandboxIDs are valid, each once. */
  readonly manifest: Manifest;
  readonly bytes: Buffer;
}

/**
 * Reads the content of the member `checkpointed.pods`.
 * @throws PodfreightError `invalid-manifest`, `invalid-archive` when it is too long, and what `data` throws
 */
export async function readManifest(
  member: Member,
  data: AsyncIterable<Buffer>,
  archive: string,
): Promise<ArchivedManifest> {
  if (member.sizeBytes > JSON_BYTES_MAX) {
    throw invalidArchive(archive, `is longer than ${JSON_BYTES_MAX} bytes`, member.name);
  }
  const chunks: Buffer[] = [];
  for await (const chunk of data) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const file = `${MANIFEST_NAME} in ${archive}`;
  const manifest = parseManifest(bytes, file);
  checkManifest(manifest, file);
  return { manifest, bytes };
}

/**
 * Manifest and members have to name the same pods.
 * @param names of all members
 * @throws PodfreightError `invalid-archive`
 */
export function checkSamePods(manifest: Manifest, names: Iterable<string>, archive: string): void {
  const missing = new Set((manifest.pods ?? []).map(({ sandboxId }) => `${sandboxId}.tar`));
  for (const name of names) {
    if (name !== MANIFEST_NAME && !missing.delete(name)) {
      throw invalidArchive(archive, `is not named by its ${MANIFEST_NAME}`, name);
    }
  }
  const [first] = missing;
  if (first !== undefined) throw invalidArchive(archive, `is named by its ${MANIFEST_NAME}, but not there`, first);
}
