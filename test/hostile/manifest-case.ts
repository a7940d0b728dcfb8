export interface ManifestRefusal {
  /** Ends the sentence "X is not a valid manifest: …". */
  readonly reason: string;
  /** `show DIRECTORY` shows it nevertheless: what is wrong is only wrong for a file name. */
  readonly isReadable: boolean;
}

export interface Lands {
  readonly lands: readonly string[];
}

export interface ManifestCase {
  readonly name: string;
  readonly bytes: Buffer;
  readonly verdict: ManifestRefusal | Lands;
  /** The sentence in an archive called X, where it is another one. */
  readonly archived?: string;
  /** In a target it is none: the first checkpointctl lists a pod again with each insert. */
  readonly onlyArchived?: boolean;
  /** Takes seconds: not in the fast run. */
  readonly slow?: boolean;
  /** Why the catalogue rejects what lands. */
  readonly catalogue?: string;
}

export interface ManifestGroup {
  readonly title: string;
  readonly cases: readonly ManifestCase[];
}

export function refusedManifest(reason: string, { isReadable = false } = {}): ManifestRefusal {
  return { reason, isReadable };
}

export function lands(...sandboxIds: readonly string[]): Lands {
  return { lands: sandboxIds };
}
