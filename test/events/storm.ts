import assert from 'node:assert/strict';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, ScanCommand } from '@aws-sdk/lib-dynamodb';
import { dynamodbItemTable } from '../../aws/dynamodb-catalogue.ts';
import { S3ArchiveStore } from '../../aws/s3-archive-store.ts';
import { S3BucketListing } from '../../aws/s3-bucket-listing.ts';
import { catalogueObject } from '../../core/catalogue/catalogue-archive.ts';
import type { Item, ItemTable } from '../../core/catalogue/item-table.ts';
import type { ArchiveRecord } from '../../core/catalogue/records.ts';
import { tableCatalogue } from '../../core/catalogue/table-catalogue.ts';
import { tableSurvey } from '../../core/catalogue/table-survey.ts';
import { turnPages } from '../../core/reconcile/merge.ts';
import { reconcile } from '../../core/reconcile/reconcile.ts';
import type { ReconcileRun } from '../../core/reconcile/run.ts';
import type { S3Event } from '../../infra/local/s3/server.ts';
import { catalogueHandler } from '../../lambda/catalogue-handler.ts';
import { archiveOf } from '../core/catalogue/archives.ts';
import { lambdaContext, sqsEvent } from '../lambda/invocation.ts';
import { MemoryItemTable } from '../memory/item-table.ts';
import type { Buckets } from './bucket.ts';
import type { Chance } from './chance.ts';
import { Killed, mortalTable } from './mortal.ts';

const BATCH_MESSAGES = 10;
const BATCHES_AT_ONCE = 4;
const COPIES = 3;
const LOST = 0.05;
const POISON = 0.01;
/** Of the batches, each time they are delivered. */
const KILLED = 0.2;
const KILLED_WITHIN_CALLS = 60;
const CALLS_OF_ONE_EVENT = 8;
const ATTEMPTS = 5;
/** On a machine that is busy with other things: what is cut off here is cut off on purpose. */
const TIME_ENOUGH_MS = 900_000;

/** Changes of a bucket: objects that come, go and come again, and some that are no archives. */
export class Changes {
  readonly #buckets: Buckets;
  readonly #chance: Chance;
  readonly #archives: readonly Buffer[];
  readonly #keys: string[] = [];
  /** Versions of each key that are there, the newest last; with markers. */
  readonly #versions = new Map<string, { id: string; isMarker: boolean }[]>();

  private constructor(buckets: Buckets, chance: Chance, archives: readonly Buffer[]) {
    this.#buckets = buckets;
    this.#chance = chance;
    this.#archives = archives;
  }

  static async of(buckets: Buckets, chance: Chance): Promise<Changes> {
    const pods = (count: number, i: number) =>
      Array.from({ length: count }, (_, j) => ({ sandboxId: `s${i}-${j}`, name: `pod-${j}`, image: `image:${i % 3}` }));
    const archives = await Promise.all(Array.from({ length: 24 }, (_, i) => archiveOf(pods(1 + (i % 4), i))));
    return new Changes(buckets, chance, archives);
  }

  /** @param objects as many new ones, each changed once; the other changes go to any that have been there */
  async make(objects: number, changes: number): Promise<void> {
    const first = this.#keys.length;
    for (let i = first; i < first + objects; i++)
      this.#keys.push(`prod/node-${i % 7}/pod-${i}/20261122T132000Z.tar.zst`);
    const others = Array.from({ length: changes - objects }, () => this.#chance.oneOf(this.#keys));
    for (const key of this.#chance.shuffled([...this.#keys.slice(first), ...others])) await this.#change(key);
  }

  async #change(key: string): Promise<void> {
    const chance = this.#chance;
    const versions = this.#versions.get(key) ?? [];
    this.#versions.set(key, versions);
    const newest = versions.at(-1);
    const dice = chance.next();
    if (newest !== undefined && dice < 0.3 && !newest.isMarker) {
      versions.push({ id: await this.#buckets.remove(key), isMarker: true });
    } else if (newest !== undefined && dice < 0.5) {
      const [gone] = versions.splice(chance.below(versions.length), 1);
      await this.#buckets.remove(key, gone!.id);
    } else {
      const bytes = chance.next() < POISON ? Buffer.from(`no archive ${chance.next()}`) : chance.oneOf(this.#archives);
      versions.push({ id: await this.#buckets.put(key, bytes), isMarker: false });
    }
  }
}

export interface Messages {
  /** Each event three times, nonsense among them, in no order. */
  readonly queued: readonly string[];
  /** Events of which nothing is known but what a function did that was killed over them, if that. */
  readonly lost: readonly string[];
}

/** All events about one object of twenty are lost: of others, any later event heals what one that was lost left behind. */
export function messagesOf(events: readonly S3Event[], chance: Chance): Messages {
  const isLost = ({ detail }: S3Event) => Number(/pod-(\d+)/.exec(detail.object.key)?.[1]) % (1 / LOST) === 0;
  const told = events.filter((event) => !isLost(event)).map((event) => JSON.stringify(event));
  const nonsense = Array.from({ length: Math.ceil(events.length * POISON) }, (_, i) => `{"nonsense": ${i}}`);
  return {
    queued: chance.shuffled([...Array.from({ length: COPIES }, () => told).flat(), ...nonsense]),
    lost: chance.shuffled(
      events.filter((event) => isLost(event) && chance.next() < 0.3).map((event) => JSON.stringify(event)),
    ),
  };
}

export interface Cloud {
  readonly buckets: Buckets;
  readonly client: DynamoDBClient;
  readonly tableName: string;
}

/** Delivers messages in batches, some of whose functions are killed, until each is done or was tried five times. */
export async function deliver({ queued, lost }: Messages, cloud: Cloud, chance: Chance): Promise<{ killed: number }> {
  const store = new S3ArchiveStore(cloud.buckets.client);
  const table = dynamodbItemTable(cloud.tableName, cloud.client);
  let killed = 0;
  const handle = async (batch: readonly string[], callsLeft?: number): Promise<readonly string[]> => {
    const mine = callsLeft === undefined ? table : mortalTable(table, callsLeft);
    const handler = catalogueHandler({ store, catalogue: tableCatalogue(mine), archivesBucket: 'archives' });
    const { batchItemFailures } = await handler(sqsEvent(batch), lambdaContext(TIME_ENOUGH_MS));
    if (callsLeft === undefined)
      return batchItemFailures.map(({ itemIdentifier }) => batch[Number(itemIdentifier.slice(1))]!);
    killed += 1;
    return batch; // no answer: all of it comes again
  };
  const callsLeft = () => (chance.next() < KILLED ? chance.below(KILLED_WITHIN_CALLS) : undefined);
  for (const message of lost) await handle([message], chance.below(CALLS_OF_ONE_EVENT));
  let waiting = [...queued];
  for (let attempt = 1; attempt <= ATTEMPTS && waiting.length > 0; attempt++) {
    const batches = Array.from({ length: Math.ceil(waiting.length / BATCH_MESSAGES) }, (_, i) =>
      waiting.slice(i * BATCH_MESSAGES, (i + 1) * BATCH_MESSAGES),
    );
    const failed: string[] = [];
    const worker = async () => {
      for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
        failed.push(...(await handle(batch, callsLeft())));
      }
    };
    await Promise.all(Array.from({ length: BATCHES_AT_ONCE }, worker));
    waiting = chance.shuffled(failed);
  }
  return { killed };
}

/** Invokes reconcile until a run is finished; some invocations have no time for more than one step, some are killed. */
export async function reconcileAll(
  cloud: Cloud,
  chance: Chance,
  { kills = 0 } = {},
): Promise<{ run: ReconcileRun; killed: number }> {
  const store = new S3ArchiveStore(cloud.buckets.client);
  const listing = new S3BucketListing(cloud.buckets.client);
  const table = dynamodbItemTable(cloud.tableName, cloud.client);
  const invoke = (mine: ItemTable) =>
    reconcile({
      ...{ store, listing, archivesBucket: 'archives', bundlesBucket: 'bundles', graceMs: 0 },
      catalogue: tableCatalogue(mine),
      survey: tableSurvey(mine),
      now: () => new Date(),
      remainingMs: () => (chance.next() < 0.5 ? 0 : 900_000),
    });
  let killed = 0;
  for (let invocation = 0; invocation < 1000; invocation++) {
    try {
      const dies = killed < kills;
      const { run } = await invoke(dies ? mortalTable(table, chance.below(20)) : table);
      if (run.finishedAt !== undefined) return { run, killed };
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      killed += 1;
    }
  }
  return assert.fail('The comparison does not end.');
}

/**
 * That the table holds what a catalogue holds which looked at each object of the bucket once: every item of archives, pods and
 * images with every attribute but those that tell when and after which event; and of what is gone nothing but its tombstone.
 * @returns how many archives there are
 */
export async function assertTableEqualsBucket({ buckets, client, tableName }: Cloud): Promise<number> {
  const store = new S3ArchiveStore(buckets.client);
  const listing = new S3BucketListing(buckets.client);
  const expected = new MemoryItemTable();
  const there = new Set<string>();
  for await (const { key, isDeleted } of turnPages((after) => listing.newest('archives', after), undefined)) {
    if (isDeleted) continue;
    there.add(key);
    const occasion = { bucket: 'archives', key, sequencer: '00', at: '2026-11-22T13:20:00Z' };
    await catalogueObject(occasion, { store, catalogue: tableCatalogue(expected) });
  }
  const actual = await allItems(client, tableName);
  const isTombstone = ({ record }: Item) => (record as ArchiveRecord).state === 'deleted';
  const [tombstones, living] = [actual.filter(isTombstone), actual.filter((item) => !isTombstone(item))];
  for (const { record } of tombstones) {
    const { key } = (record as ArchiveRecord).location;
    assert.ok(!there.has(key), `${key} is there, and catalogued as deleted`);
  }
  assert.deepEqual(comparable(living), comparable([...expected.items.values()]));
  return there.size;
}

async function allItems(client: DynamoDBClient, tableName: string): Promise<Item[]> {
  const documents = DynamoDBDocumentClient.from(client);
  const items: Item[] = [];
  let ExclusiveStartKey: Record<string, unknown> | undefined;
  do {
    const page = await documents.send(
      new ScanCommand({ TableName: tableName, ConsistentRead: true, ExclusiveStartKey }),
    );
    items.push(...((page.Items ?? []) as Item[]));
    ExclusiveStartKey = page.LastEvaluatedKey;
  } while (ExclusiveStartKey !== undefined);
  return items.filter(({ pk }) => pk.startsWith('ARCHIVE#'));
}

/** One line an item, in order. */
function comparable(items: readonly Item[]): string[] {
  const line = ({ pk, sk, order: _, listedAt, record, ...rest }: Item) => {
    const { sequencer: __, at: ___, ...known } = record as ArchiveRecord;
    const isRejected = known.state === 'rejected';
    const kept = { pk, sk: sk.replace(/^EVENT#[0-9A-F]+/, 'EVENT#'), listedAt: isRejected ? undefined : listedAt };
    return JSON.stringify(sortedFields({ ...kept, ...rest, record: known }));
  };
  return items.map(line).sort();
}

function sortedFields(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedFields);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, field]) => [name, sortedFields(field)]));
}
