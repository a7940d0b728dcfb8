/** A round of requests is judged when it took this long: shorter ones say more about chance than about the line. */
const ROUND_MS = 200;
/** More requests at once must bring so much, or they are taken back. */
const WORTH = 1.1;
const GROWTH = 1.5;
/** Rounds until it is tried again whether more would bring more. */
const REST_ROUNDS = 20;
/** What is refused within one moment counts once. */
const MOMENT_MS = 1_000;
/** Weight of the newest request in the typical time. */
const NEWEST = 0.2;
/** Of the requests under way, so many may be made a second time. */
const DOUBLED = 1 / 4;

/**
 * How many requests are under way at once: more as long as that moves more bytes a second, half as many when the service
 * asks for fewer or falls silent. Shared by what shares a line.
 */
export class Limiter {
  readonly #most: number;
  readonly #now: () => number;
  readonly #waiting: (() => void)[] = [];
  #limit: number;
  #underWay = 0;
  #doubled = 0;
  #typicalMs: number | undefined;
  #round: { readonly startedAt: number; bytes: number; requests: number; wasFull: boolean } | undefined;
  /** What was before the last growth, until that is judged. */
  #before: { readonly limit: number; readonly speed: number } | undefined;
  #rest = 0;
  #reducedAt = Number.NEGATIVE_INFINITY;

  constructor({ start, most, now = () => performance.now() }: { start: number; most: number; now?: () => number }) {
    this.#limit = Math.min(start, most);
    this.#most = most;
    this.#now = now;
  }

  /** Requests that may be under way. */
  get limit(): number {
    return this.#limit;
  }

  /** How long a request takes; undefined before the first has ended. */
  get typicalMs(): number | undefined {
    return this.#typicalMs;
  }

  /**
   * Does `work` when its turn has come.
   * @param bytes that it moves
   */
  async run<Result>(bytes: number, work: () => Promise<Result>): Promise<Result> {
    await this.#turn();
    const startedAt = this.#now();
    this.#round ??= { startedAt, bytes: 0, requests: 0, wasFull: false };
    if (this.#underWay >= this.#limit) this.#round.wasFull = true;
    try {
      const result = await work();
      this.#took(this.#now() - startedAt, bytes);
      return result;
    } finally {
      this.#underWay -= 1;
      this.#letIn();
    }
  }

  /** Whether a slow request may be made a second time: not when most are slow, since then it is the line. */
  get mayDouble(): boolean {
    return this.#doubled < Math.max(1, this.#limit * DOUBLED);
  }

  /** Does `work`, a request made a second time, beside those that wait for their turns. */
  async double<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#doubled += 1;
    try {
      return await work();
    } finally {
      this.#doubled -= 1;
    }
  }

  /** The service asks for fewer requests, or does not keep up with them. */
  reduce(): void {
    const now = this.#now();
    if (now - this.#reducedAt < MOMENT_MS) return;
    this.#reducedAt = now;
    this.#limit = Math.max(1, Math.floor(this.#limit / 2));
    this.#rest = REST_ROUNDS;
    this.#before = undefined;
    this.#round = undefined;
  }

  async #turn(): Promise<void> {
    if (this.#underWay < this.#limit) {
      this.#underWay += 1;
      return;
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #letIn(): void {
    while (this.#underWay < this.#limit && this.#waiting.length > 0) {
      this.#underWay += 1;
      this.#waiting.shift()!();
    }
  }

  #took(milliseconds: number, bytes: number): void {
    this.#typicalMs =
      this.#typicalMs === undefined ? milliseconds : this.#typicalMs * (1 - NEWEST) + milliseconds * NEWEST;
    const round = this.#round;
    if (round === undefined) return;
    round.bytes += bytes;
    round.requests += 1;
    const elapsed = this.#now() - round.startedAt;
    if (round.requests < this.#limit || elapsed < ROUND_MS) return;
    this.#round = undefined;
    if (round.wasFull) this.#judge(round.bytes / elapsed);
  }

  #judge(speed: number): void {
    if (this.#before !== undefined && speed < this.#before.speed * WORTH) {
      this.#limit = this.#before.limit;
      this.#before = undefined;
      this.#rest = REST_ROUNDS;
    } else if (this.#rest > 0) {
      this.#rest -= 1;
    } else {
      this.#before = { limit: this.#limit, speed };
      this.#limit = Math.min(this.#most, Math.ceil(this.#limit * GROWTH));
      if (this.#limit === this.#before.limit) this.#before = undefined;
    }
  }
}
