/** A foreign text for a message: as a JSON string of printable ASCII, cut after `most` characters. */
export function quoteText(text: string, most = 128): string {
  return JSON.stringify(text.slice(0, most)).replace(/[^ -~]/g, (unit) => {
    return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
