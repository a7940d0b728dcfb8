import type { ObjectLocation } from '../ports.ts';
import { wholeSeconds } from './instant.ts';
import type { Item, ItemKey, ItemQuery } from './item-table.ts';
import type { ArchiveRecord, BundleRecord, PodQuery, PodRecord } from './records.ts';
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

/** The pod's own item, and one for each image it runs. */
export function podItems(record: PodRecord, sequencer: string): Item<PodRecord>[] {
  const { cluster, node } = record.origin;
  const pk = archivePartition(record.archive);
  const prefix = eventPrefix(sequencer);
  const listedAt = `${record.checkpointedAt}#${record.storedAt}#${record.sandboxId}`;
  const images = new Set(record.containers.map(({ image }) => image).filter((image) => image !== ''));
  return [
    {
      pk,
      sk: `${prefix}POD#${record.sandboxId}`,
      subject: podSubject(cluster, record.namespace, record.name),
      namespace: path(cluster, record.namespace),
      node: path(cluster, node),
      cluster,
      sandbox: record.sandboxId,
      listedAt,
      record,
    },
    ...[...images].map((image, i) => ({
      pk,
      sk: `${prefix}IMAGE#${record.sandboxId}#${i}`,
      subject: imageSubject(image),
      listedAt,
      record,
    })),
  ];
}

/** The pods' own items of one event about an archive, by SandboxID. */
export function podsOfEvent(location: ObjectLocation, sequencer: string): ItemQuery {
  const prefix = `${eventPrefix(sequencer)}POD#`;
  return { partition: archivePartition(location), from: prefix, to: prefix + LAST };
}

/** Pods' and images' items of one event about an archive. */
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

function imageSubject(image: string): string {
  return `IMAGE#${image}`;
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
    case 'image':
      return { index: 'subject', partition: imageSubject(query.image) };
    case 'namespace':
      return { index: 'namespace', partition: path(query.cluster, query.namespace) };
    case 'node':
      return { index: 'node', partition: path(query.cluster, query.node) };
    case 'cluster':
      return { index: 'cluster', partition: query.cluster };
    case 'sandbox':
      return { index: 'sandbox', partition: query.sandboxId };
  }
}

/** Listed times are whole seconds: the first one not before `since`, and the last one not after `until`. */
function spanOf({ since, until }: Span): Pick<ItemQuery, 'from' | 'to'> {
  const from = since === undefined ? '0' : wholeSeconds(new Date(Math.ceil(since.getTime() / 1000) * 1000));
  return { from, to: (until === undefined ? '' : wholeSeconds(until)) + LAST };
}
