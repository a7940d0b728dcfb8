import type { Custody } from '../custody/custody.ts';
import type { ObjectLocation } from '../ports.ts';
import { factsOf, type KnownFact } from './container-facts.ts';
import { wholeSeconds } from './instant.ts';
import type { Item, ItemKey, ItemQuery } from './item-table.ts';
import type { ArchiveRecord, BundleRecord, ContainerFact, PodQuery, PodRecord, PodScope } from './records.ts';
import { sequencerOrder } from './sequencer.ts';

// Every key of the table is built here. docs/catalogue.md describes them.

/** After every character that stands in a sort key. */
const LAST = '\u{10FFFF}';

/** What DynamoDB takes of a sort key; S3 takes keys of that length, to which we add. */
const SORT_KEY_BYTES_MAX = 1024;

/** So that `/` separates whatever the pieces are. */
function path(...pieces: readonly string[]): string {
  return pieces.map((piece) => piece.replaceAll('%', '%25').replaceAll('/', '%2F')).join('/');
}

function archivePartition({ bucket, key }: ObjectLocation): string {
  return `ARCHIVE#${bucket}/${key}`;
}

/** Items of one event about an archive lie together, those of earlier events before them. */
function eventPrefix(sequencer: string): string {
  return `EVENT#${sequencerOrder(sequencer)}#`;
}

export function archiveItemKey(location: ObjectLocation): ItemKey {
  return { pk: archivePartition(location), sk: 'ARCHIVE' };
}

export function archiveItem(record: ArchiveRecord): Item<ArchiveRecord> {
  const { bucket, key } = record.location;
  return {
    ...archiveItemKey(record.location),
    identity: `${bucket}/${key}`,
    order: sequencerOrder(record.sequencer),
    ...(record.state !== 'ready' && {
      subject: record.state === 'rejected' ? REJECTED : DELETED,
      listedAt: sortKey(`${wholeSeconds(new Date(record.at))}#${bucket}/${key}`),
    }),
    // One whose sort key would be too long is found by the sweep.
    ...(record.state !== 'deleted' && isSortKey(archivePartition(record.location)) && { bucket }),
    record,
  };
}

function isSortKey(text: string): boolean {
  return Buffer.byteLength(text) <= SORT_KEY_BYTES_MAX;
}

/** Of a text that only orders, as much as a sort key takes. */
function sortKey(text: string): string {
  return isSortKey(text)
    ? text
    : Buffer.from(text)
        .subarray(0, SORT_KEY_BYTES_MAX)
        .toString()
        .replace(/\uFFFD+$/, '');
}

/** The first text behind this one. */
function behind(text: string): string {
  return `${text}\0`;
}

/** Archives of a bucket that are not deleted, by key. @param after a key, itself left out */
export function archivesOfBucket(bucket: string, after: string | undefined): ItemQuery {
  const prefix = archivePartition({ bucket, key: '' });
  return {
    index: 'bucket',
    partition: bucket,
    from: after === undefined ? prefix : behind(prefix + after),
    to: prefix + LAST,
  };
}

/** Bundles in a bucket, by id. @param after an id, itself left out */
export function bundlesOfBucket(bucket: string, after: string | undefined): ItemQuery {
  const from = after === undefined ? 'BUNDLE#' : behind(`BUNDLE#${after}`);
  return { index: 'bucket', partition: bucket, from, to: `BUNDLE#${LAST}` };
}

/** The object that an archive's partition is of. */
export function locationOfPartition(pk: string): ObjectLocation | undefined {
  const [, bucket, key] = /^ARCHIVE#([^/]+)\/(.+)$/s.exec(pk) ?? [];
  return bucket === undefined || key === undefined ? undefined : { bucket, key };
}

/** The sequencer of a pod's or an image's item, as `order` has it; undefined for any other. */
export function eventOfSortKey(sk: string): string | undefined {
  return /^EVENT#([0-9A-F]+)#/.exec(sk)?.[1];
}

export function isPodSortKey(sk: string): boolean {
  return /^EVENT#[0-9A-F]+#POD#/.test(sk);
}

/** Items of all events about an archive, the last ones first. */
export function itemsOfEvents(location: ObjectLocation): ItemQuery {
  return { partition: archivePartition(location), from: 'EVENT#', to: `EVENT#${LAST}`, descending: true };
}

/** The pod's own item, and for each of its containers one for everything that it can be found by. */
export function podItems(record: PodRecord, sequencer: string): Item<PodRecord>[] {
  const { cluster, node } = record.origin;
  const pk = archivePartition(record.archive);
  const prefix = eventPrefix(sequencer);
  const listedAt = `${record.checkpointedAt}#${record.storedAt}#${record.sandboxId}`;
  return [
    {
      pk,
      sk: `${prefix}POD#${record.sandboxId}`,
      subject: podSubject(cluster, record.namespace, record.name),
      namespace: path(cluster, record.namespace),
      node: path(cluster, node),
      cluster: path(cluster),
      sandbox: record.sandboxId,
      listedAt,
      record,
    },
    ...record.containers.flatMap((container, n) =>
      factsOf(container).map((known, m) => ({
        pk,
        sk: `${prefix}CONTAINER#${record.sandboxId}#${n}#${m}`,
        ...(isFoundAnywhere(known.fact) && { subject: factPartition(known) }),
        namespace: factPartition(known, cluster, record.namespace),
        node: factPartition(known, cluster, node),
        cluster: factPartition(known, cluster),
        listedAt,
        record: { ...record, containers: [container] },
      })),
    ),
  ];
}

/** An engine is so common that one partition for all clusters would have to take nearly every write. */
function isFoundAnywhere(fact: ContainerFact): fact is 'image' | 'digest' {
  return fact === 'image' || fact === 'digest';
}

/** Never that of another kind, since clusters have no `#` in their names; the value is last, because it may hold anything. */
function factPartition({ fact, value }: KnownFact, ...within: readonly string[]): string {
  return `${fact.toUpperCase()}#${within.map((name) => `${path(name)}/`).join('')}${value}`;
}

/** The pods' own items of one event about an archive, by SandboxID. */
export function podsOfEvent(location: ObjectLocation, sequencer: string): ItemQuery {
  const prefix = `${eventPrefix(sequencer)}POD#`;
  return { partition: archivePartition(location), from: prefix, to: prefix + LAST };
}

/** Pods' and containers' items of one event about an archive. */
export function itemsOfEvent(location: ObjectLocation, sequencer: string): ItemQuery {
  const prefix = eventPrefix(sequencer);
  return { partition: archivePartition(location), from: prefix, to: prefix + LAST };
}

/** The same of this event and of all before it. */
export function itemsUpToEvent(location: ObjectLocation, sequencer: string): ItemQuery {
  return { ...itemsOfEvent(location, sequencer), from: 'EVENT#' };
}

/** One for each region, so that two regions that make the same bundle never write the same item. */
export function bundleItemKey(bundleId: string, region: string | undefined): ItemKey {
  return { pk: `BUNDLE#${bundleId}`, sk: region === undefined ? 'BUNDLE' : `BUNDLE#${region}` };
}

export function bundleItem(record: BundleRecord): Item<BundleRecord> {
  const listedAt = `${record.createdAt}#${record.bundleId}`;
  const { bucket, key, region } = record.location;
  return {
    ...bundleItemKey(record.bundleId, region),
    subject: BUNDLES,
    listedAt,
    identity: `${bucket}/${key}`,
    order: record.createdAt,
    bucket,
    record,
  };
}

const BUNDLES = 'BUNDLES';
const REJECTED = 'REJECTED';
const DELETED = 'DELETED';

function podSubject(cluster: string, namespace: string, name: string): string {
  return `POD#${path(cluster, namespace, name)}`;
}

/** Times of a listing, both inclusive; absent is without bound. */
interface Span {
  readonly since?: Date | undefined;
  readonly until?: Date | undefined;
}

export function podsListing(query: PodQuery, span: Span): ItemQuery {
  return { ...partitionOf(query), ...spanOf(span), descending: true };
}

export function bundlesListing(span: Span): ItemQuery {
  return { index: 'subject', partition: BUNDLES, ...spanOf(span), descending: true };
}

export function rejectedListing(span: Span): ItemQuery {
  return { index: 'subject', partition: REJECTED, ...spanOf(span), descending: true };
}

export function deletedListing(span: Span): ItemQuery {
  return { index: 'subject', partition: DELETED, ...spanOf(span), descending: true };
}

function partitionOf(query: PodQuery): Pick<ItemQuery, 'partition'> & Required<Pick<ItemQuery, 'index'>> {
  switch (query.by) {
    case 'pod':
      return { index: 'subject', partition: podSubject(query.cluster, query.namespace, query.name) };
    case 'sandbox':
      return { index: 'sandbox', partition: query.sandboxId };
    case 'container':
      return { index: query.within?.by ?? 'subject', partition: factPartition(query, ...namesOf(query.within)) };
    default:
      return { index: query.by, partition: path(...namesOf(query)) };
  }
}

function namesOf(scope: PodScope | undefined): readonly string[] {
  if (scope === undefined) return [];
  if (scope.by === 'cluster') return [scope.cluster];
  return [scope.cluster, scope.by === 'node' ? scope.node : scope.namespace];
}

/** Listed times are whole seconds: the first one not before `since`, and the last one not after `until`. */
function spanOf({ since, until }: Span): Pick<ItemQuery, 'from' | 'to'> {
  const from = since === undefined ? '0' : wholeSeconds(new Date(Math.ceil(since.getTime() / 1000) * 1000));
  return { from, to: (until === undefined ? '' : wholeSeconds(until)) + LAST };
}

/** How far the comparison with a bucket is. */
export function reconcileRunItem<Run extends { readonly archivesBucket: string }>(run: Run): Item<Run> {
  return { pk: `RECONCILE#${run.archivesBucket}`, sk: 'RUN', record: run };
}

export function custodyItemKey(location: ObjectLocation): ItemKey {
  return { pk: archivePartition(location), sk: 'CUSTODY' };
}

/** In the listing of what is held, or else of what was removed. */
export function custodyItem(custody: Custody): Item<Custody> {
  const { location, hold, removal, revision } = custody;
  const deed = hold ?? removal;
  return {
    ...custodyItemKey(location),
    order: String(revision),
    ...(deed !== undefined && {
      subject: hold === undefined ? 'REMOVED' : 'HELD',
      listedAt: sortKey(`${deed.at}#${location.bucket}/${location.key}`),
    }),
    record: custody,
  };
}

export function custodyListing(subject: 'HELD' | 'REMOVED', span: Span): ItemQuery {
  return { index: 'subject', partition: subject, ...spanOf(span), descending: true };
}
