/**
 * Work that goes on behind its caller, a bounded number of pieces at once. The first failure is thrown to whoever calls
 * next.
 */
export class Backlog {
  readonly #limit: number;
  readonly #underWay = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Begins `work`, as soon as there is room for it. */
  async add(work: () => Promise<void>): Promise<void> {
    while (this.#underWay.size >= this.#limit) await Promise.race(this.#underWay);
    this.#throwFailure();
    const piece = work()
      .catch((error) => {
        this.#failure ??= { error };
      })
      .finally(() => this.#underWay.delete(piece));
    this.#underWay.add(piece);
  }

  /** When all of it has ended. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
    this.#throwFailure();
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure.error;
  }
}
