/** A word to propose. */
export interface Candidate {
  readonly value: string;
  /** Beside it, in shells that show that. */
  readonly about: string;
}

/** What to propose; `files` and `directories` a shell finds by itself. */
export interface Proposal {
  readonly candidates: readonly Candidate[];
  readonly from?: 'files' | 'directories';
}

export const NOTHING: Proposal = { candidates: [] };

/** Words that no shell takes for anything but words: a name in the catalogue is whatever somebody called a pod. */
const PLAIN = /^[\p{L}\p{N}_./:@%+=,~-]+$/u;

/** Those that begin with `prefix`, each once, with `stem` before. */
export function fitting(candidates: readonly Candidate[], prefix: string, stem = ''): Proposal {
  const seen = new Set<string>();
  const kept = candidates.filter(({ value }) => {
    if (!value.startsWith(prefix) || !PLAIN.test(value) || seen.has(value)) return false;
    seen.add(value);
    return true;
  });
  return { candidates: kept.map(({ value, about }) => ({ value: `${stem}${value}`, about })) };
}
