import type { ArchivedManifest } from '../archive/archived-manifest.ts';
import type { ArchiveFormat } from '../archive/format.ts';
import { inOrder } from '../archive/in-order.ts';
import { TAIL_BYTES } from '../archive/index.ts';
import type { Member } from '../archive/member.ts';
import type { ReadOptions } from '../archive/member-reader.ts';
import { withBytes } from '../archive/read-ahead.ts';
import { type Archive, type ArchivedMember, openArchive } from '../archive/reader.ts';
import type { PodRecord } from '../catalogue/records.ts';
import { PodfreightError } from '../errors.ts';
import { formatManifest, type Manifest } from '../manifest/manifest.ts';
import { selectPods } from '../manifest/merge.ts';
import type { ArchiveStore, Catalogue, ObjectSource } from '../ports.ts';
import { MANIFEST_NAME, podFileName } from '../sandbox-id.ts';
import { choosePods } from './choose-pods.ts';
import { mergedManifest } from './lay-out.ts';
import type { PodSelector } from './pod-selector.ts';

/** Each takes two or three requests. */
const OPENED_AT_ONCE = 64;

/** Shorter archives are fetched whole while those before them are landed: each is little more than a wait. */
const SMALL_BYTES = 4 * 1024 * 1024;
/** Of small archives, in memory. */
const FETCHED_AHEAD = { size: 32 * 1024 * 1024, weigh: ({ object }: Piece) => smallBytes(object) };

/** An archive, and what is wanted of it. */
interface Piece {
  readonly object: ObjectSource;
  readonly archive: Archive;
  /** Just of the pods that are wanted. */
  readonly manifest: Manifest;
  /** Names of their members. */
  readonly names: ReadonlySet<string>;
}

/**
 * What a bundle of these pods would hold, read from the archives that the pods are in: an archive without an object. Of an
 * archive without an index all is read, and so all of it checked; of any other only what is wanted.
 */
export class PodsArchive implements Archive, AsyncDisposable {
  /** That of the first archive without digests, as the one that messages are about; else of the first. */
  readonly name: string;
  readonly format: ArchiveFormat;
  /** The members lie in several objects. */
  readonly index = undefined;
  readonly verified: boolean;
  readonly identity: string | undefined;
  /** By namespace and name. */
  readonly pods: readonly PodRecord[];
  readonly #pieces: readonly Piece[];
  readonly #objects: readonly ObjectSource[];

  private constructor(pods: readonly PodRecord[], pieces: readonly Piece[], objects: readonly ObjectSource[]) {
    const unverified = pieces.find(({ archive }) => !archive.verified);
    this.name = (unverified ?? pieces[0]!).archive.name;
    this.format = pieces.every(({ archive }) => archive.format === 'tar') ? 'tar' : 'tar+zstd';
    this.verified = unverified === undefined;
    const identities = pieces.map(({ archive }) => archive.identity);
    this.identity = identities.includes(undefined) ? undefined : JSON.stringify(identities);
    this.pods = pods;
    this.#pieces = pieces;
    this.#objects = objects;
  }

  /**
   * The checkpoints that the selectors mean, with the archives that hold them opened; dispose of it.
   * @param selectors at least one
   * @throws PodfreightError as {@link choosePods}, `not-found` and `source-changed` for an archive that is gone or another
   *   than was catalogued, and as {@link openArchive}
   */
  static async open(
    selectors: readonly PodSelector[],
    { store, catalogue }: { store: ArchiveStore; catalogue: Catalogue },
  ): Promise<PodsArchive> {
    const pods = await choosePods(selectors, catalogue);
    const byObject = Map.groupBy(pods, ({ archive }) => JSON.stringify([archive.bucket, archive.key, archive.etag]));
    const objects: ObjectSource[] = [];
    try {
      const pieces = inOrder(byObject.values(), OPENED_AT_ONCE, (together) => openPiece(together, store, objects));
      return new PodsArchive(pods, await Array.fromAsync(pieces), objects);
    } catch (error) {
      await closeAll(objects);
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await closeAll(this.#objects);
  }

  /** The newest checkpoint's. */
  get modifiedAt(): Date {
    return new Date(Math.max(...this.pods.map(({ checkpointedAt }) => Date.parse(checkpointedAt))));
  }

  async manifest(): Promise<ArchivedManifest> {
    const manifest = mergedManifest(this.#pieces);
    return { manifest, bytes: formatManifest(manifest) };
  }

  async layout(): Promise<readonly Member[] | undefined> {
    const { bytes } = await this.manifest();
    const members: Member[] = [{ name: MANIFEST_NAME, sizeBytes: bytes.length, modifiedAt: this.modifiedAt }];
    for (const { archive, names } of this.#pieces) {
      const layout = await archive.layout();
      if (layout === undefined) return undefined;
      members.push(...layout.filter(({ name }) => names.has(name)));
    }
    return members;
  }

  async *members(wanted?: ReadonlySet<string>, options?: ReadOptions): AsyncGenerator<ArchivedMember> {
    const pieces = this.#pieces.flatMap((piece) => {
      const names = [...piece.names].filter((name) => wanted === undefined || wanted.has(name));
      return names.length > 0 ? [{ ...piece, names: new Set(names) }] : [];
    });
    for await (const { archive, names } of inOrder(pieces, FETCHED_AHEAD, fetchIfSmall)) {
      yield* archive.members(names, options);
    }
  }

  memberData(): AsyncIterable<Buffer> {
    throw new PodfreightError('internal', 'Pods of several archives have no index to find a member by.');
  }
}

/** @param objects gets what was opened, also when it fails */
async function openPiece(pods: readonly PodRecord[], store: ArchiveStore, objects: ObjectSource[]): Promise<Piece> {
  const { etag, ...location } = pods[0]!.archive;
  const object = await store.open(location, { tailBytes: TAIL_BYTES });
  objects.push(object);
  if (object.etag !== etag) {
    throw new PodfreightError('source-changed', `${object.name} is no longer what was catalogued; try again.`, {
      subject: { bucket: location.bucket, key: location.key },
    });
  }
  const archive = await openArchive(object);
  const { manifest } = await archive.manifest();
  const sandboxIds = pods.map(({ sandboxId }) => sandboxId);
  const names = new Set(sandboxIds.map(podFileName));
  return { object, archive, manifest: selectPods(manifest, sandboxIds), names };
}

function smallBytes({ sizeBytes }: ObjectSource): number {
  return sizeBytes <= SMALL_BYTES ? sizeBytes : 0;
}

async function fetchIfSmall(piece: Piece): Promise<Piece> {
  const { object } = piece;
  if (smallBytes(object) === 0) return piece;
  const bytes = await object.read({ start: 0, end: object.sizeBytes });
  return { ...piece, archive: await openArchive(withBytes(object, 0, bytes)) };
}

async function closeAll(objects: readonly ObjectSource[]): Promise<void> {
  await Promise.all(objects.map((object) => object.close()));
}
