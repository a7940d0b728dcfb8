/** One safeguard taken out. */
export interface Sabotage {
  readonly what: string;
  /** From the root of the project. */
  readonly file: string;
  /** Stands there exactly once. */
  readonly from: string;
  readonly to: string;
  /** Where it has to be noticed: files or patterns, from the root of the project. */
  readonly tests: readonly string[];
}

/** The sabotages of one file, all noticed by the same tests unless one names its own. */
export function sabotagesOf(
  file: string,
  tests: readonly string[],
  list: readonly (readonly [what: string, from: string, to: string, tests?: readonly string[]])[],
): Sabotage[] {
  return list.map(([what, from, to, own = tests]) => ({ what, file, from, to, tests: own }));
}
