import assert from 'node:assert/strict';

/** What a terminal obeys, what reorders or hides text, and halves of characters. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/u;

/** More than a path, a name and a reason take. */
const SENTENCE_LENGTH_MAX = 2000;

/** Every line can be shown as it is. */
export function assertSafe(text: string): void {
  assert.doesNotMatch(text.replaceAll('\n', ''), UNSAFE);
}

/** One sentence that can be shown as it is, and read. */
export function assertOneSafeLine(text: string): void {
  assert.doesNotMatch(text, UNSAFE);
  assert.ok(text.length <= SENTENCE_LENGTH_MAX, `${text.length} characters`);
}
