/** What one run took. What does not apply is absent. */
export interface Sample {
  readonly seconds?: number;
  /** User and system. */
  readonly cpuSeconds?: number;
  /** Greatest size in memory. */
  readonly rssBytes?: number;
  /** Bytes of all its read calls, its own program text included. */
  readonly readBytes?: number;
  readonly writtenBytes?: number;
  /** At the endpoint. */
  readonly requests?: number;
  /** Of bodies, to and from the endpoint. */
  readonly bytesIn?: number;
  readonly bytesOut?: number;
  /** The endpoint's own; it shares the processors. */
  readonly endpointCpuSeconds?: number;
}

export type Measure = keyof Sample;

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export type Spreads = Readonly<Partial<Record<Measure, Spread>>>;

/** How one contestant did. */
export interface Result {
  readonly name: string;
  /** Why there is no sample. */
  readonly absent?: string;
  readonly samples: readonly Sample[];
  readonly spreads: Spreads;
}

export function resultOf(name: string, samples: readonly Sample[], absent?: string): Result {
  const measures = new Set(samples.flatMap((sample) => Object.keys(sample) as Measure[]));
  const spreads = [...measures].map((measure) => {
    const values = samples.map((sample) => sample[measure]).filter((value) => value !== undefined);
    return [measure, spreadOf(values)];
  });
  return { name, samples, spreads: Object.fromEntries(spreads), ...(absent !== undefined && { absent }) };
}

function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, min: sorted[0]!, max: sorted.at(-1)! };
}
