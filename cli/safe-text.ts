/**
 * Characters that steer a terminal, reorder or hide text, or look like nothing: everything Unicode calls control, format,
 * surrogate, private or unassigned, separators but the plain space, what is ignored by default, and the Braille blank.
 */
const UNSAFE = /[[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]--[ ]]/gv;

const SHORT: ReadonlyMap<string, string> = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

/**
 * Text from a manifest, archive or bucket as it may be shown on a terminal: one line, all of it visible, in the order of
 * its characters. What cannot be shown reads `\n`, `\x1b` or `\u{202e}`; backslashes stay as they are, so that doing it
 * twice changes nothing more.
 * @see https://trojansource.codes
 */
export function safeText(text: string): string {
  return text.replace(UNSAFE, (character) => SHORT.get(character) ?? escapeCodePoint(character.codePointAt(0)!));
}

function escapeCodePoint(codePoint: number): string {
  const digits = codePoint.toString(16);
  return codePoint <= 0xff ? `\\x${digits.padStart(2, '0')}` : `\\u{${digits}}`;
}
