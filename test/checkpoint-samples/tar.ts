import { END, header, pax } from '../core/archive/tar-sample.ts';
import { lengthOf, type Piece } from './pieces.ts';

export interface SampleMember {
  readonly name: string;
  /** Absent: none. */
  readonly content?: readonly Piece[];
  /** As in a tar header; absent: a regular file, or a directory where the name ends in `/`. */
  readonly type?: string;
  readonly linkName?: string;
}

/** A tar as Go's archive/tar writes it: POSIX headers, extended ones where a name is over 100 bytes, two zero blocks. */
export function tarOf(members: readonly SampleMember[]): Piece[] {
  return [...members.flatMap(tarMember), END];
}

export function tarMember({ name, content = [], type, linkName = '' }: SampleMember): Piece[] {
  const sizeBytes = lengthOf(content);
  const fields = { name: name.slice(0, 100), sizeBytes, linkName, type: type ?? (name.endsWith('/') ? '5' : '0') };
  const padding = Buffer.alloc((512 - (sizeBytes % 512)) % 512);
  return [...(name.length > 100 ? [pax({ path: name })] : []), header(fields), ...content, padding];
}

export function text(value: string): readonly Piece[] {
  return [Buffer.from(value)];
}
