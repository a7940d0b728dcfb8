/** Text as roff shows it: a leading dot or quote would be a request, a hyphen would be a typographic one. */
export function roffText(text: string): string {
  return text
    .replace(/\\/g, '\\e')
    .replace(/-/g, '\\-')
    .replace(/^([.'])/gm, '\\&$1');
}

export function section(title: string): string {
  return `.SH ${quoted(title.toUpperCase())}\n`;
}

export function subsection(title: string): string {
  return `.SS ${quoted(title)}\n`;
}

export function paragraph(text: string): string {
  return `.PP\n${roffText(text)}\n`;
}

export function definition(term: string, meaning: string): string {
  return `.TP\n.B ${quoted(term)}\n${roffText(meaning)}\n`;
}

/** Shown as it is, line for line. */
export function example(text: string): string {
  return `.PP\n.EX\n${roffText(text)}\n.EE\n`;
}

function quoted(text: string): string {
  return `"${roffText(text).replace(/"/g, '\\(dq')}"`;
}
