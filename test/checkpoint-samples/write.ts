import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { type Piece, PieceSource } from './pieces.ts';

/** A sample as a file, of any size; nobody else may read it. */
export async function writeSample(path: string, pieces: readonly Piece[]): Promise<void> {
  const source = new PieceSource(pieces);
  await pipeline(source.stream({ start: 0, end: source.sizeBytes }), createWriteStream(path, { mode: 0o600 }));
}
