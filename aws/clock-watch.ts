import type { ClockReading } from '../core/clock.ts';

/** As far as a client of the SDK concerns it. */
interface Watched {
  readonly middlewareStack: {
    // biome-ignore lint/suspicious/noExplicitAny: each client's stack has types of its own for the same thing
    add(middleware: any, options: { step: 'deserialize'; priority: 'low'; name: string }): void;
  };
}

/** Reads the `Date` of the answers that clients get, also of refusals. */
export class ClockWatch {
  readonly readings: ClockReading[] = [];

  attach<Client extends Watched>(client: Client): Client {
    type Next = (args: unknown) => Promise<{ response?: { headers?: Readonly<Record<string, string>> } }>;
    const watch = (next: Next) => async (args: unknown) => {
      const askedAtMs = Date.now();
      const result = await next(args);
      const serverMs = Date.parse(result.response?.headers?.date ?? '');
      if (!Number.isNaN(serverMs)) this.readings.push({ askedAtMs, answeredAtMs: Date.now(), serverMs });
      return result;
    };
    client.middlewareStack.add(watch, { step: 'deserialize', priority: 'low', name: 'clockWatch' }); // next to the wire
    return client;
  }
}
