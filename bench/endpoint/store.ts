import { createHash, randomUUID } from 'node:crypto';

export type Metadata = Readonly<Record<string, string>>;

export interface StoredObject {
  readonly sizeBytes: number;
  readonly etag: string;
  readonly metadata: Metadata;
  /** Absent: uploaded, and not kept. */
  readonly bytes?: Buffer;
}

interface Part {
  readonly sizeBytes: number;
  /** In hexadecimal. */
  readonly md5: string;
}

interface Upload {
  readonly metadata: Metadata;
  readonly parts: Map<number, Part>;
}

const TYPICAL_PART_BYTES = 8 * 1024 * 1024;

/** Objects by `bucket/key`: placed ones with their bytes, uploaded ones with their size alone. */
export class Store {
  readonly #objects = new Map<string, StoredObject>();
  readonly #uploads = new Map<string, Upload>();

  get(name: string): StoredObject | undefined {
    return this.#objects.get(name);
  }

  list(prefix: string): [name: string, object: StoredObject][] {
    return [...this.#objects].filter(([name]) => name.startsWith(prefix));
  }

  /** Something to be read. Its ETag looks as those of big objects do, which nobody takes for an MD5. */
  place(name: string, bytes: Buffer): void {
    const parts = Math.ceil(bytes.length / TYPICAL_PART_BYTES);
    const etag = `"${createHash('md5').update(name).digest('hex')}-${parts}"`;
    this.#objects.set(name, { sizeBytes: bytes.length, etag, metadata: {}, bytes });
  }

  remove(name: string): void {
    this.#objects.delete(name);
  }

  put(name: string, { sizeBytes, md5 }: Part, metadata: Metadata): void {
    this.#objects.set(name, { sizeBytes, etag: `"${md5}"`, metadata });
  }

  /** @returns the upload's id */
  createUpload(metadata: Metadata): string {
    const id = randomUUID();
    this.#uploads.set(id, { metadata, parts: new Map() });
    return id;
  }

  /** @returns false when there is no such upload */
  putPart(uploadId: string, partNumber: number, part: Part): boolean {
    return this.#uploads.get(uploadId)?.parts.set(partNumber, part) !== undefined;
  }

  /** @returns undefined when there is no such upload */
  completeUpload(uploadId: string, name: string): StoredObject | undefined {
    const upload = this.#uploads.get(uploadId);
    if (upload === undefined) return undefined;
    const parts = [...upload.parts].sort(([a], [b]) => a - b).map(([, part]) => part);
    const md5 = createHash('md5').update(Buffer.from(parts.map((part) => part.md5).join(''), 'hex'));
    const object = {
      sizeBytes: parts.reduce((sum, part) => sum + part.sizeBytes, 0),
      etag: `"${md5.digest('hex')}-${parts.length}"`,
      metadata: upload.metadata,
    };
    this.#objects.set(name, object);
    this.#uploads.delete(uploadId);
    return object;
  }

  abortUpload(uploadId: string): void {
    this.#uploads.delete(uploadId);
  }

  /** What was uploaded is gone, what was placed stays. */
  forgetUploads(): void {
    this.#uploads.clear();
    for (const [name, { bytes }] of this.#objects) if (bytes === undefined) this.#objects.delete(name);
  }
}
