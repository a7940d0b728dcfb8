/** A file that is going to be written. */
export interface Expected {
  readonly name: string;
  readonly sizeBytes: number;
  /** Of its content, where that is known before. */
  readonly sha256?: string | undefined;
}

/**
 * Where files are written: each is made, and its space set aside, while the one before it is being written, since
 * otherwise nothing would be fetched or decoded in these moments.
 */
export class Places<Place> implements AsyncDisposable {
  readonly #make: (file: Expected) => Promise<Place>;
  readonly #giveUp: (place: Place) => Promise<void>;
  /** By name, what is expected after it. */
  readonly #next = new Map<string, Expected>();
  readonly #made = new Map<string, Promise<Place>>();
  readonly #taken = new Set<string>();

  /**
   * @param order in which they are likely to be asked for
   * @param giveUp one that was made and not asked for
   */
  constructor(
    order: readonly Expected[],
    make: (file: Expected) => Promise<Place>,
    giveUp: (place: Place) => Promise<void>,
  ) {
    this.#make = make;
    this.#giveUp = giveUp;
    for (const [i, { name }] of order.entries()) {
      const next = order[i + 1];
      if (next !== undefined) this.#next.set(name, next);
    }
  }

  /** Each once. @throws what `make` throws */
  async take(file: Expected): Promise<Place> {
    const place = await (this.#made.get(file.name) ?? this.#make(file));
    this.#made.delete(file.name);
    this.#taken.add(file.name);
    const next = this.#next.get(file.name);
    if (next !== undefined && !this.#taken.has(next.name)) {
      const made = this.#make(next);
      made.catch(() => {}); // it is told when its turn comes
      this.#made.set(next.name, made);
    }
    return place;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const made of await Promise.allSettled(this.#made.values())) {
      if (made.status === 'fulfilled') await this.#giveUp(made.value);
    }
  }
}
