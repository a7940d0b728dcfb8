import { type ByteRange, rangeLength } from '../range.ts';
import { FRAME_BYTES, PLAIN_PIECE_BYTES } from './format.ts';
import { type IndexedMember, tarBytes } from './member.ts';

/** A piece of a member that is read and decoded by itself: a zstd frame, or as much of a plain tar as goes together. */
export interface Frame {
  readonly member: IndexedMember;
  /** Which of the member's tar bytes it holds: headers, content and padding. */
  readonly tar: ByteRange;
  /** Where it lies in the object. */
  readonly wire: ByteRange;
  /** The member's last. */
  readonly isLast: boolean;
}

/** Frames side by side in the object, to be fetched by one read. */
export interface FrameRun {
  readonly frames: readonly Frame[];
  readonly wire: ByteRange;
  /** One frame that was picked. */
  readonly isAlone: boolean;
}

/** The member's frames, in order; at least one. */
export function* framesOf(member: IndexedMember): Generator<Frame> {
  const total = tarBytes(member);
  const step = member.frames === undefined ? PLAIN_PIECE_BYTES : FRAME_BYTES;
  let { start } = member.wire;
  for (let at = 0, i = 0; at < total; at += step, i++) {
    const tar = { start: at, end: Math.min(at + step, total) };
    const end = start + (member.frames?.[i] ?? rangeLength(tar));
    yield { member, tar, wire: { start, end }, isLast: tar.end === total };
    start = end;
  }
}

/** The part of a frame's tar bytes that is content, as a range of the content. */
export function contentOf({ member: { headerBytes, sizeBytes }, tar }: Frame): ByteRange {
  const within = (at: number) => Math.min(Math.max(at - headerBytes, 0), sizeBytes);
  return { start: within(tar.start), end: within(tar.end) };
}

/**
 * Puts neighbours together, also of different members, as long as a run is no longer than `readBytes`.
 * @param isAlone picks frames that are a run by themselves
 */
export function* runsOf(
  frames: Iterable<Frame>,
  readBytes: number,
  isAlone: (frame: Frame) => boolean,
): Generator<FrameRun> {
  let run: Frame[] = [];
  const whole = (): FrameRun => {
    const wire = { start: run[0]!.wire.start, end: run.at(-1)!.wire.end };
    return { frames: run, wire, isAlone: false };
  };
  for (const frame of frames) {
    const { start, end } = frame.wire;
    const picked = isAlone(frame);
    const fits = start === run.at(-1)?.wire.end && end - run[0]!.wire.start <= readBytes;
    if (run.length > 0 && (picked || !fits)) {
      yield whole();
      run = [];
    }
    if (picked) yield { frames: [frame], wire: frame.wire, isAlone: true };
    else run.push(frame);
  }
  if (run.length > 0) yield whole();
}
