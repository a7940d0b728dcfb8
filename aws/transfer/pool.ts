import { type Answer, Connection, type ExchangeOptions } from './connection.ts';
import { Dialler, type Origin } from './dial.ts';
import type { WireRequest } from './wire-request.ts';

/** Connections to one server: as many as there are requests under way; those without one wait for the next. */
export class Pool {
  readonly #dialler: Dialler;
  readonly #connectMs: number;
  readonly #idle: Connection[] = [];
  readonly #busy = new Set<Connection>();

  constructor(origin: Origin, connectMs: number) {
    this.#dialler = new Dialler(origin);
    this.#connectMs = connectMs;
  }

  /** @throws as {@link Connection.exchange} */
  async exchange(request: WireRequest, options: ExchangeOptions): Promise<Answer> {
    const connection = this.#take();
    this.#busy.add(connection);
    connection.isWaitedFor = true;
    try {
      return await connection.exchange(request, options);
    } finally {
      this.#busy.delete(connection);
      if (connection.isOpen) {
        connection.isWaitedFor = false;
        this.#idle.push(connection);
      }
    }
  }

  close(): void {
    for (const connection of [...this.#idle.splice(0), ...this.#busy]) connection.close();
  }

  /** The one used last is the least likely to have been closed by the other side. */
  #take(): Connection {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) if (idle.isOpen) return idle;
    return new Connection((onread) => this.#dialler.dial(onread), this.#connectMs);
  }
}
