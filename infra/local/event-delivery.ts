import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { EventJournal } from './event-journal.ts';
import { type EventRule, queuesFor } from './event-rules.ts';
import type { LocalQueue } from './queues.ts';
import type { S3Event } from './s3/server.ts';

/** Sends the event on its way; may be called not at all, later, or several times. */
export type Deliver = (event: S3Event) => Promise<void>;

/** What happens to an event of S3 on its way to the rules. On AWS: now and then twice, late, or in another order. */
export type EventHook = (event: S3Event, deliver: Deliver) => void;

/** The event bus: takes S3's events to the queues of the rules that they fit. */
export class EventDelivery {
  hook: EventHook = (event, deliver) => void deliver(event);
  readonly #client: SQSClient;
  readonly #rules: readonly EventRule[];
  readonly #queues: ReadonlyMap<string, LocalQueue>;
  readonly #journal: EventJournal;
  #underWay = 0;

  constructor(
    client: SQSClient,
    rules: readonly EventRule[],
    queues: ReadonlyMap<string, LocalQueue>,
    journal: EventJournal,
  ) {
    this.#client = client;
    this.#rules = rules;
    this.#queues = queues;
    this.#journal = journal;
  }

  /** Deliveries begun and not ended. */
  get underWay(): number {
    return this.#underWay;
  }

  /** Through the hook. Resolves when everything that the hook delivers before it returns is in its queue. */
  async accept(event: S3Event): Promise<void> {
    const deliveries: Promise<void>[] = [];
    this.hook(event, (delivered) => {
      const delivery = this.deliver(delivered);
      deliveries.push(delivery);
      return delivery;
    });
    await Promise.all(deliveries);
  }

  /** Past the hook. */
  async deliver(event: S3Event): Promise<void> {
    const body = asciiJson(event);
    await Promise.all(queuesFor(event, this.#rules).map((queueArn) => this.#send(queueArn, body)));
  }

  /** Sends again what was in the queues when the stack was last stopped. */
  async resume(): Promise<void> {
    for (const { id, queueArn, body } of this.#journal.pending()) {
      await this.#send(queueArn, body);
      this.#journal.remove([id]);
    }
  }

  async #send(queueArn: string, body: string): Promise<void> {
    const queue = this.#queues.get(queueArn);
    if (!queue) return;
    this.#underWay += 1;
    try {
      const { MessageId } = await this.#client.send(new SendMessageCommand({ QueueUrl: queue.url, MessageBody: body }));
      this.#journal.add(MessageId ?? '', queueArn, body);
    } finally {
      this.#underWay -= 1;
    }
  }
}

/** The stand-in for SQS refuses characters beyond U+FFFF, which object keys may have; JSON can spell them in ASCII. */
function asciiJson(value: unknown): string {
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(value).replace(/[^ -~]/g, escaped);
}
