import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** Digests of bytes that come in pieces, which may be computed elsewhere meanwhile: until then, they must stay as they are. */
export interface Digests {
  /** For the SHA-256. Pieces count in the order of the calls. */
  update(bytes: Buffer): Promise<void>;
  /** Of these bytes alone, unsigned, as `zlib.crc32`. */
  crc32(bytes: Buffer): Promise<number>;
  /** Of all pieces, as 64 lower-case hexadecimal digits; nothing may follow. */
  sha256(): Promise<string>;
}

/** Where digests are computed. */
export interface Hashing {
  /** Memory, its bytes anything, from which pieces are taken without a copy. */
  readonly memory: (sizeBytes: number) => Buffer;
  /** @param sizeBytes of all pieces together */
  digests(sizeBytes: number): Digests;
}

/** On the thread that asks. */
export const HASHING_HERE: Hashing = {
  memory: Buffer.allocUnsafeSlow,
  digests() {
    const hash = createHash('sha256');
    return {
      async update(bytes) {
        hash.update(bytes);
      },
      crc32: async (bytes) => crc32(bytes),
      sha256: async () => hash.digest('hex'),
    };
  },
};
