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
import { MAX_EXTENDED_HEADER_BYTES, MAX_MEMBERS, type WalkedMember } from './tar-walk.ts';

/** What a member is. Only a file has content. */
export type MemberKind = keyof typeof KIND_NAMES;

const KIND_NAMES = {
  file: 'a regular file',
  directory: 'a directory',
  symlink: 'a symbolic link',
  'hard-link': 'a hard link',
  'character-device': 'a character device',
  'block-device': 'a block device',
  fifo: 'a named pipe',
} as const;

/** What stands before a member and belongs to it. */
type Extension = 'pax' | 'long-name' | 'long-link';

const TYPES: Readonly<Record<string, MemberKind | Extension>> = {
  '0': 'file',
  '\0': 'file',
  '1': 'hard-link',
  '2': 'symlink',
  '3': 'character-device',
  '4': 'block-device',
  '5': 'directory',
  '6': 'fifo',
  x: 'pax',
  L: 'long-name',
  K: 'long-link',
};

/** GNU's name of a header that carries a long name or link target. */
const GNU_LONG = '././@LongLink';

/** What tar-stream calls every member with an extended header in its plain one. */
const TAR_STREAM_NAME = 'PaxHeader';

/** A member of a tar of any kind, and where it lies. */
export interface ForeignMember extends WalkedMember {
  /** As in the tar, one character for each byte, without one `./`; a directory's ends in `/` or not. */
  readonly name: string;
  readonly kind: MemberKind;
}

/** What the fed block was, as `TarStep`. */
export type HeaderStep =
  | { readonly kind: 'more' }
  | { readonly kind: 'member'; readonly member: ForeignMember }
  | { readonly kind: 'end' };

/** How messages call such a member: "a symbolic link". */
export function kindName(kind: MemberKind): string {
  return KIND_NAMES[kind];
}

/**
 * Walks the headers of a tar whose members are only looked at, never written out, without any IO: feed it the block at
 * `offset` until it says `end`. Any name and the kinds above are allowed, also twice. Headers are read as strictly as
 * {@link TarWalk} does: checksums, numbers, names and sizes on which readers agree. What would change how others read is
 * refused: global extended headers, sparse files, unknown types, content behind a header that has none.
 */
export class HeaderWalk {
  /** Where the block to feed next lies. */
  offset = 0;

  readonly #archive: string;
  #members = 0;
  #zeroBlocks = 0;
  #headerStart = 0;
  /** The extension whose content is being fed. */
  #fed: { header: TarHeader<string>; blocks: Buffer[]; missing: number } | undefined;
  readonly #seen = new Set<Extension>();
  #pax: PaxRecords | undefined;
  #longName: string | undefined;

  /** @param archive its name, for messages */
  constructor(archive: string) {
    this.#archive = archive;
  }

  /** @throws PodfreightError `invalid-archive` */
  feed(block: Buffer): HeaderStep {
    const blockStart = this.offset;
    this.offset += BLOCK_BYTES;
    if (this.#fed) return this.#feedExtension(block);
    if (isZero(block)) return this.#feedZero();
    if (this.#zeroBlocks > 0) throw invalidArchive(this.#archive, 'a lone zero block stands between its members');

    const header = decodeHeader(block, TYPES);
    if ('refused' in header) throw invalidArchive(this.#archive, header.refused, header.name);
    if (this.#seen.size === 0) this.#headerStart = blockStart;
    const { type } = header;
    if (type === 'pax' || type === 'long-name' || type === 'long-link') return this.#startExtension(header, type);
    return this.#member(header, type);
  }

  #feedZero(): HeaderStep {
    if (this.#seen.size > 0) throw invalidArchive(this.#archive, 'an extended header stands before its end');
    this.#zeroBlocks++;
    return this.#zeroBlocks === 2 ? { kind: 'end' } : { kind: 'more' };
  }

  #startExtension(header: TarHeader<string>, type: Extension): HeaderStep {
    const { name, sizeBytes } = header;
    const paxAndOther = this.#seen.has('pax') || (type === 'pax' && this.#seen.size > 0);
    if (this.#seen.has(type) || paxAndOther) throw this.#refuse(name, 'is a second extended header before one member');
    if (sizeBytes === 0) throw this.#refuse(name, 'is an empty extended header');
    if (sizeBytes > MAX_EXTENDED_HEADER_BYTES) throw this.#refuse(name, 'is an extended header of more than 1 MiB');
    if (type !== 'pax' && name !== GNU_LONG) throw this.#refuse(name, `is a long name, but not called ${GNU_LONG}`);
    this.#seen.add(type);
    this.#fed = { header, blocks: [], missing: paddedBytes(sizeBytes) };
    return { kind: 'more' };
  }

  #feedExtension(block: Buffer): HeaderStep {
    const fed = this.#fed!;
    // A copy: the caller may use its buffer again.
    fed.blocks.push(Buffer.from(block));
    fed.missing -= BLOCK_BYTES;
    if (fed.missing > 0) return { kind: 'more' };
    this.#fed = undefined;
    const { name, type, sizeBytes } = fed.header;
    const all = Buffer.concat(fed.blocks);
    const content = all.subarray(0, sizeBytes);
    if (!isZero(all.subarray(sizeBytes))) throw this.#refuse(name, 'is padded with other than zeros');
    if (type === 'pax') {
      const records = parsePax(content, true);
      if ('refused' in records) throw this.#refuse(name, records.refused);
      this.#pax = records;
    } else {
      const end = content.indexOf(0);
      if (end < 0 || !isZero(content.subarray(end))) throw this.#refuse(name, 'is a broken long name');
      if (type === 'long-name') this.#longName = content.toString('latin1', 0, end);
    }
    return { kind: 'more' };
  }

  #member(header: TarHeader<string>, type: MemberKind): HeaderStep {
    const rawName = this.#agreedName(header);
    const sizeBytes = this.#agreedSize(header, rawName);
    if (++this.#members > MAX_MEMBERS) throw invalidArchive(this.#archive, `it has more than ${MAX_MEMBERS} members`);
    // As the format before POSIX, which had no type for them, wrote directories.
    const kind = type === 'file' && rawName.endsWith('/') ? 'directory' : type;
    if (kind !== 'file' && sizeBytes > 0) throw this.#refuse(rawName, `is ${kindName(kind)} with content`);
    const contentStart = this.offset;
    const end = contentStart + paddedBytes(sizeBytes);
    if (!Number.isSafeInteger(end)) throw this.#refuse(rawName, 'ends beyond 2^53-1 bytes');
    const name = rawName.startsWith('./') ? rawName.slice(2) : rawName;
    const modifiedAt = new Date((this.#pax?.modifiedSeconds ?? header.modifiedSeconds) * 1000);
    this.#pax = undefined;
    this.#longName = undefined;
    this.#seen.clear();
    this.offset = end;
    const place = { headerStart: this.#headerStart, contentStart, end };
    return { kind: 'member', member: { name, rawName, kind, sizeBytes, modifiedAt, ...place } };
  }

  /** The name that readers with and without knowledge of extended headers agree on, as far as the header can hold it. */
  #agreedName(header: TarHeader<string>): string {
    const long = this.#pax?.path ?? this.#longName;
    if (long === undefined || long === header.name) return header.name;
    // Go leaves out of the plain header what is not ASCII, and the last slash of a name that was cut off.
    const ascii = long.replace(/[^\0-\x7f]/g, '');
    const cutOff = [long, ascii].some((text) =>
      text.length > NAME_BYTES ? header.name !== '' && text.startsWith(header.name) : text === header.name,
    );
    const tarStream = header.name === TAR_STREAM_NAME && this.#pax?.path !== undefined;
    if (!cutOff && !tarStream) throw this.#refuse(long, `is called ${quoteName(header.name)} in its plain header`);
    return long;
  }

  /** Likewise the size: other than in its extended header only where eleven octal digits cannot hold it. */
  #agreedSize(header: TarHeader<string>, name: string): number {
    const size = this.#pax?.sizeBytes;
    if (size === undefined || size === header.sizeBytes) return header.sizeBytes;
    if (size > MAX_OCTAL_SIZE && (header.sizeBytes === 0 || header.sizeBytes === MAX_OCTAL_SIZE)) return size;
    throw this.#refuse(name, `has ${header.sizeBytes} bytes in its header and ${size} in its extended header`);
  }

  #refuse(member: string, reason: string): Error {
    return invalidArchive(this.#archive, reason, member);
  }
}
