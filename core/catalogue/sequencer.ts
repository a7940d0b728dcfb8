import { PodfreightError } from '../errors.ts';

/** S3 writes 16 to 18 digits today. */
const MAX_DIGITS = 32;

const HEX = new RegExp(`^[0-9A-Fa-f]{1,${MAX_DIGITS}}$`);

export function isSequencer(text: string): boolean {
  return HEX.test(text);
}

/**
 * A sequencer in the form that sorts as text: upper case, padded on the right with zeros to 32 digits.
 * @throws PodfreightError `internal` for what {@link isSequencer} refuses
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html "sequencer"
 */
export function sequencerOrder(sequencer: string): string {
  if (!isSequencer(sequencer)) {
    throw new PodfreightError('internal', `Sequencer ${JSON.stringify(sequencer)} was used without being checked.`);
  }
  return sequencer.toUpperCase().padEnd(MAX_DIGITS, '0');
}

/** Negative when the event of `a` came before that of `b`, 0 for the same event. Only for events of one key. */
export function compareSequencers(a: string, b: string): number {
  const [x, y] = [sequencerOrder(a), sequencerOrder(b)];
  return x < y ? -1 : x > y ? 1 : 0;
}

/** Digits kept of S3's sequencer in one of ours; S3's own have fewer. */
const KEPT_DIGITS = 20;
const TIME_DIGITS = MAX_DIGITS - KEPT_DIGITS;

/**
 * A sequencer for what was found by looking, without an event: after `last` and after what was found earlier, before any
 * event that S3 tells of later. It is `last`, filled up to 20 digits, and the time in milliseconds in 12 digits.
 * @param last the highest that is known of the object; absent: before every event
 */
export function sequencerAfter(last: string | undefined, at: Date): string {
  const order = last === undefined ? '0'.repeat(MAX_DIGITS) : sequencerOrder(last);
  const earlier = Number.parseInt(order.slice(KEPT_DIGITS), 16);
  const time = Math.min(Math.max(at.getTime(), earlier + 1), 16 ** TIME_DIGITS - 1);
  return order.slice(0, KEPT_DIGITS) + time.toString(16).toUpperCase().padStart(TIME_DIGITS, '0');
}
