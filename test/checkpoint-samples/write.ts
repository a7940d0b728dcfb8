import { createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { lengthOf, type Piece, PieceSource } from './pieces.ts';

/** A sample as a file, of any size; nobody else may read it. */
export async function writeSample(path: string, pieces: readonly Piece[]): Promise<void> {
  const source = new PieceSource(pieces);
  await pipeline(source.stream({ start: 0, end: source.sizeBytes }), createWriteStream(path, { mode: 0o600 }));
}

/** The same with holes instead of memory pages: a sample of any size that takes neither time nor room. */
export async function writeSparseSample(path: string, pieces: readonly Piece[]): Promise<void> {
  await using file = await open(path, 'wx', 0o600);
  await file.truncate(lengthOf(pieces));
  let start = 0;
  for (const piece of pieces) {
    if (Buffer.isBuffer(piece)) await file.write(piece, 0, piece.length, start);
    start += piece.length;
  }
}
