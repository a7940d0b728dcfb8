import { createHash } from 'node:crypto';

/** A SHA-256 of bytes that come in pieces, which may be computed elsewhere meanwhile. */
export interface Sha256 {
  /** Pieces count in the order of the calls. Until it is fulfilled, the bytes must stay as they are. */
  update(bytes: Buffer): Promise<void>;
  /** Of all pieces, as 64 lower-case hexadecimal digits; nothing may follow. */
  hex(): Promise<string>;
}

/** Where digests are computed. */
export interface Hashing {
  /** Memory, its bytes anything, from which pieces are taken without a copy. */
  readonly memory: (sizeBytes: number) => Buffer;
  /** @param sizeBytes of all pieces together */
  sha256(sizeBytes: number): Sha256;
}

/** On the thread that asks. */
export const HASHING_HERE: Hashing = {
  memory: Buffer.allocUnsafeSlow,
  sha256() {
    const hash = createHash('sha256');
    return {
      async update(bytes) {
        hash.update(bytes);
      },
      async hex() {
        return hash.digest('hex');
      },
    };
  },
};
