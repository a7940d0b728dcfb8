import type { JsonValue } from './json.ts';

/**
 * Writes JSON as Go's `json.MarshalIndent` with two spaces did up to Go 1.21: no newline at the end, `<`, `>`, `&`, U+2028
 * and U+2029 escaped, and of the control characters only `\n`, `\r`, `\t` in short form.
 * @see https://pkg.go.dev/encoding/json#MarshalIndent
 */
export function formatJson(value: JsonValue, indent = ''): string {
  const inner = `${indent}  `;
  switch (value.kind) {
    case 'null':
      return 'null';
    case 'boolean':
      return String(value.value);
    case 'number':
      return value.text;
    case 'string':
      return formatString(value.text);
    case 'array':
      return between(
        '[]',
        value.items.map((item) => formatJson(item, inner)),
        indent,
      );
    case 'object':
      return between(
        '{}',
        value.fields.map(([name, field]) => `${formatString(name)}: ${formatJson(field, inner)}`),
        indent,
      );
  }
}

function between(brackets: '[]' | '{}', parts: readonly string[], indent: string): string {
  if (parts.length === 0) return brackets;
  const separator = `\n${indent}  `;
  return `${brackets[0]}${separator}${parts.join(`,${separator}`)}\n${indent}${brackets[1]}`;
}

const SHORT_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '\\"'],
  ['\\', '\\\\'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

function formatString(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must be escaped
  const escaped = text.replace(/["\\<>&\u0000-\u001f\u2028\u2029]/g, (character) => {
    return SHORT_ESCAPES.get(character) ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
  return `"${escaped}"`;
}
