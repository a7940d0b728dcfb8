/** Columns that a text takes on a terminal. It holds nothing that safe-text.ts would change. */
export type TextWidth = (text: string) => number;

const ASCII = /^\p{ASCII}*$/v;

/**
 * How to measure `texts`, and what is made of them by escaping and cutting. Unicode's tables take longer to load than all
 * the rest of the program, and nearly all names are ASCII: then, they are not loaded.
 */
export async function textWidth(texts: readonly string[]): Promise<TextWidth> {
  if (texts.every((text) => ASCII.test(text))) return (text) => text.length;
  const { default: stringWidth } = await import('string-width');
  return (text) => stringWidth(text);
}
