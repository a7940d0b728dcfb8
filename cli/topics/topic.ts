/** A page of `podfreight help`, and a section of the manual page. */
export interface Topic {
  readonly title: string;
  readonly paragraphs: readonly string[];
  /** What a term means. */
  readonly entries: readonly (readonly [term: string, meaning: string])[];
}
