import type { ObjectLocation } from '../ports.ts';
import { factsOf, type KnownFact } from './container-facts.ts';
import { wholeSeconds } from './instant.ts';
import type { Item, ItemKey, ItemQuery } from './item-table.ts';
import type { ArchiveRecord, BundleRecord, ContainerFact, PodQuery, PodRecord, PodScope } from './records.ts';
import { sequencerOrder } from './sequencer.ts';

// Every key of the table is built here. docs/catalogue.md describes them.

/** After every character that stands in a sort key. */
const LAST = '\u{10FFFF}';

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
    ...(record.state === 'rejected' && {
      subject: REJECTED,
      listedAt: `${wholeSeconds(new Date(record.at))}#${bucket}/${key}`,
    }),
    record,
  };
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

export function bundleItemKey(bundleId: string): ItemKey {
  return { pk: `BUNDLE#${bundleId}`, sk: 'BUNDLE' };
}

export function bundleItem(record: BundleRecord): Item<BundleRecord> {
  const listedAt = `${record.createdAt}#${record.bundleId}`;
  const { bucket, key } = record.location;
  return {
    ...bundleItemKey(record.bundleId),
    subject: BUNDLES,
    listedAt,
    identity: `${bucket}/${key}`,
    order: record.createdAt,
    record,
  };
}

const BUNDLES = 'BUNDLES';
const REJECTED = 'REJECTED';

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
