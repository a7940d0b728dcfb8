import { MANIFEST_NAME, sandboxIdOfFileName } from '../sandbox-id.ts';
import type { Member } from './member.ts';
import { type PaxRecords, parsePax } from './pax.ts';
import { invalidArchive, quoteName } from './refusal.ts';
import {
  BLOCK_BYTES,
  decodeHeader,
  isZero,
  MAX_OCTAL_SIZE,
  NAME_BYTES,
  paddedBytes,
  type TarHeader,
} from './tar-header.ts';

/** Longest content of one extended header: as Go's archive/tar, far more than names and attributes need. */
export const MAX_EXTENDED_HEADER_BYTES = 1024 * 1024;
/** Most headers before one member's content: an extended header's, its content, and the member's own. */
export const MAX_HEADER_BYTES = MAX_EXTENDED_HEADER_BYTES + 2 * BLOCK_BYTES;
/** More members than any node has pods, or any bundle is asked to hold. */
export const MAX_MEMBERS = 100_000;

/** GNU's name of a header that carries a long name. */
const GNU_LONG_NAME = '././@LongLink';

/** What tar-stream, and so our writer, calls every member with an extended header in its plain one. */
const TAR_STREAM_NAME = 'PaxHeader';

/** A member and where it lies in the tar. Offsets are of the uncompressed tar. */
export interface WalkedMember extends Member {
  /** The name in the tar, with its `./` where it has one. */
  readonly rawName: string;
  readonly headerStart: number;
  readonly contentStart: number;
  /** After content and padding: where the next header is. */
  readonly end: number;
}

/** What the fed block was, and so what the next one has to be: the one at `TarWalk.offset`. */
export type TarStep =
  | { readonly kind: 'more' }
  | { readonly kind: 'root'; readonly rawName: string }
  | { readonly kind: 'member'; readonly member: WalkedMember }
  | { readonly kind: 'end' };

/**
 * Walks the headers of one tar without any IO: feed it the block at `offset` until it says `end`. It accepts regular
 * files named `checkpointed.pods` or `<SandboxID>.tar` at the root, each once, and an entry for the root itself
 * (`./`, which `tar -C DIR .` writes first and which has no effect). Everything else is refused with its reason.
 */
export class TarWalk {
  /** Where the block to feed next lies. */
  offset = 0;

  readonly #archive: string;
  readonly #names = new Set<string>();
  #rootSeen = false;
  #zeroBlocks = 0;
  /** Where the headers of the member at hand begin. */
  #headerStart = 0;
  /** The extended header whose content is being fed. */
  #extended: { header: TarHeader; blocks: Buffer[]; missing: number } | undefined;
  #pax: PaxRecords | undefined;
  #longName: string | undefined;

  /** @param archive its name, for messages */
  constructor(archive: string) {
    this.#archive = archive;
  }

  /** @throws PodfreightError `invalid-archive` */
  feed(block: Buffer): TarStep {
    const blockStart = this.offset;
    this.offset += BLOCK_BYTES;
    if (this.#extended) return this.#feedExtended(block);
    if (isZero(block)) return this.#feedZero();
    if (this.#zeroBlocks > 0) throw invalidArchive(this.#archive, 'a lone zero block stands between its members');

    const header = decodeHeader(block);
    if ('refused' in header) throw invalidArchive(this.#archive, header.refused, header.name);
    if (!this.#isExtended()) this.#headerStart = blockStart;
    if (header.type === 'pax' || header.type === 'gnu-long-name') return this.#startExtended(header);
    if (header.type === 'directory' || isRoot(header.name)) return this.#root(header);
    return this.#member(header);
  }

  #feedZero(): TarStep {
    if (this.#isExtended()) throw invalidArchive(this.#archive, 'an extended header stands before its end');
    this.#zeroBlocks++;
    return this.#zeroBlocks === 2 ? { kind: 'end' } : { kind: 'more' };
  }

  #isExtended(): boolean {
    return this.#pax !== undefined || this.#longName !== undefined;
  }

  #startExtended(header: TarHeader): TarStep {
    const { name, sizeBytes } = header;
    if (this.#isExtended()) throw this.#refuse(name, 'is a second extended header before one member');
    if (sizeBytes === 0) throw this.#refuse(name, 'is an empty extended header');
    if (sizeBytes > MAX_EXTENDED_HEADER_BYTES) throw this.#refuse(name, 'is an extended header of more than 1 MiB');
    if (header.type === 'gnu-long-name' && name !== GNU_LONG_NAME) {
      throw this.#refuse(name, `is a long name, but not called ${GNU_LONG_NAME}`);
    }
    this.#extended = { header, blocks: [], missing: paddedBytes(sizeBytes) };
    return { kind: 'more' };
  }

  #feedExtended(block: Buffer): TarStep {
    const extended = this.#extended!;
    // A copy: the caller may use its buffer again.
    extended.blocks.push(Buffer.from(block));
    extended.missing -= BLOCK_BYTES;
    if (extended.missing > 0) return { kind: 'more' };
    this.#extended = undefined;
    const { name, type, sizeBytes } = extended.header;
    const all = Buffer.concat(extended.blocks);
    const content = all.subarray(0, sizeBytes);
    if (!isZero(all.subarray(sizeBytes))) throw this.#refuse(name, 'is padded with other than zeros');
    if (type === 'pax') {
      const records = parsePax(content);
      if ('refused' in records) throw this.#refuse(name, records.refused);
      this.#pax = records;
    } else {
      const end = content.indexOf(0);
      if (end < 0 || !isZero(content.subarray(end))) throw this.#refuse(name, 'is a broken long name');
      this.#longName = content.toString('latin1', 0, end);
    }
    return { kind: 'more' };
  }

  #root(header: TarHeader): TarStep {
    const { name } = header;
    if (!isRoot(name) || this.#pax?.path !== undefined || this.#longName !== undefined) {
      throw this.#refuse(this.#pax?.path ?? this.#longName ?? name, 'is a directory, not a regular file');
    }
    if (header.sizeBytes !== 0 || (this.#pax?.sizeBytes ?? 0) !== 0)
      throw this.#refuse(name, 'is a directory with content');
    if (this.#rootSeen) throw this.#refuse(name, 'is there twice');
    this.#rootSeen = true;
    this.#pax = undefined;
    return { kind: 'root', rawName: name };
  }

  #member(header: TarHeader): TarStep {
    const rawName = this.#agreedName(header);
    const sizeBytes = this.#agreedSize(header, rawName);
    const name = rawName.startsWith('./') ? rawName.slice(2) : rawName;
    if (!isMemberName(name)) {
      throw this.#refuse(rawName, `is neither "${MANIFEST_NAME}" nor a "<SandboxID>.tar" at the root`);
    }
    if (this.#names.has(name)) throw this.#refuse(rawName, 'is there twice');
    if (this.#names.size === MAX_MEMBERS)
      throw invalidArchive(this.#archive, `it has more than ${MAX_MEMBERS} members`);
    this.#names.add(name);

    const contentStart = this.offset;
    const end = contentStart + paddedBytes(sizeBytes);
    if (!Number.isSafeInteger(end)) throw this.#refuse(rawName, 'ends beyond 2^53-1 bytes');
    // A time of its own in the extended header wins: header fields hold neither fractions nor far years.
    const modifiedAt = new Date((this.#pax?.modifiedSeconds ?? header.modifiedSeconds) * 1000);
    const member = { name, rawName, sizeBytes, modifiedAt, headerStart: this.#headerStart, contentStart, end };
    this.#pax = undefined;
    this.#longName = undefined;
    this.offset = end;
    return { kind: 'member', member };
  }

  /** The name that readers with and without knowledge of extended headers agree on, as far as the header can hold it. */
  #agreedName(header: TarHeader): string {
    const long = this.#pax?.path ?? this.#longName;
    if (long === undefined || long === header.name) return header.name;
    const cutOff = long.length > NAME_BYTES && header.name !== '' && long.startsWith(header.name);
    const ours = header.name === TAR_STREAM_NAME && this.#pax?.path !== undefined;
    if (!cutOff && !ours) throw this.#refuse(long, `is called ${quoteName(header.name)} in its plain header`);
    return long;
  }

  /** Likewise the size: other than in its extended header only where eleven octal digits cannot hold it. */
  #agreedSize(header: TarHeader, name: string): number {
    const size = this.#pax?.sizeBytes;
    if (size === undefined || size === header.sizeBytes) return header.sizeBytes;
    if (size > MAX_OCTAL_SIZE && (header.sizeBytes === 0 || header.sizeBytes === MAX_OCTAL_SIZE)) return size;
    throw this.#refuse(name, `has ${header.sizeBytes} bytes in its header and ${size} in its extended header`);
  }

  #refuse(member: string, reason: string): Error {
    return invalidArchive(this.#archive, reason, member);
  }
}

function isMemberName(name: string): boolean {
  return name === MANIFEST_NAME || sandboxIdOfFileName(name) !== undefined;
}

function isRoot(name: string): boolean {
  return name === './' || name === '.';
}
