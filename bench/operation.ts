import type { Bench } from './bench.ts';
import type { Result } from './sample.ts';

export interface Outcome {
  /** Ours first: the others are shown in proportion to it. */
  readonly results: readonly Result[];
  /** Sentences below the table. */
  readonly notes?: readonly string[];
}

/** Something podfreight does, beside other ways to do it. */
export interface Operation {
  readonly name: string;
  /** Of what, in a line. */
  readonly what: string;
  run(bench: Bench): Promise<Outcome>;
}
