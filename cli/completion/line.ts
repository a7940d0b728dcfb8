import type { Argument, Command, Option } from 'commander';

/** What the word under the cursor could be; `stem` is the part of it before the value, as in `--pod=`. */
export type Wanted =
  | { readonly kind: 'flag' }
  | { readonly kind: 'option'; readonly option: Option; readonly stem: string; readonly prefix: string }
  | { readonly kind: 'argument'; readonly argument: Argument | undefined; readonly prefix: string };

export interface ReadLine {
  readonly wanted: Wanted;
  /** Values of flags that stand before, by the flag's long name. */
  readonly given: ReadonlyMap<string, string>;
}

/**
 * Reads a command's words as commander would, up to the one under the cursor.
 * @param words after the command's name, at least one; bash cuts `--pod=a` into three
 */
export function readLine(command: Command, words: readonly string[]): ReadLine {
  const joined = withoutCuts(words);
  const before = joined.slice(0, -1);
  const prefix = joined.at(-1)?.text ?? '';
  const given = new Map<string, string>();
  const find = (flag: string) => command.options.find(({ long, short }) => flag === long || flag === short);
  let pending: Option | undefined;
  let operands = 0;
  let onlyOperands = false;
  for (const { text } of before) {
    const equals = text.startsWith('--') ? text.indexOf('=') : -1;
    if (pending !== undefined) {
      if (pending.long) given.set(pending.long, text);
      pending = undefined;
    } else if (onlyOperands || !text.startsWith('-')) operands += 1;
    else if (text === '--') onlyOperands = true;
    else if (equals > 0) given.set(text.slice(0, equals), text.slice(equals + 1));
    else {
      const option = find(text);
      if (option?.required) pending = option;
    }
  }
  if (pending !== undefined) return { given, wanted: { kind: 'option', option: pending, stem: '', prefix } };
  const [, flag = '', value = ''] = (!onlyOperands && /^(--[^=]+)=(.*)$/s.exec(prefix)) || [];
  const option = find(flag);
  if (option !== undefined) {
    const stem = joined.at(-1)?.isCut ? '' : `${flag}=`;
    return { given, wanted: { kind: 'option', option, stem, prefix: value } };
  }
  if (!onlyOperands && prefix.startsWith('-')) return { given, wanted: { kind: 'flag' } };
  const { registeredArguments: known } = command;
  const last = known.at(-1);
  const argument = known[operands] ?? (last?.variadic ? last : undefined);
  return { given, wanted: { kind: 'argument', argument, prefix } };
}

/** bash takes `=` for a word of its own, and replaces only what is behind it. */
function withoutCuts(words: readonly string[]): { text: string; isCut: boolean }[] {
  const joined: { text: string; isCut: boolean }[] = [];
  for (let i = 0; i < words.length; i += 1) {
    const last = joined.at(-1);
    if (words[i] === '=' && last !== undefined && /^--[^=]+$/.test(last.text)) {
      joined[joined.length - 1] = { text: `${last.text}=${words[i + 1] ?? ''}`, isCut: true };
      i += 1;
    } else joined.push({ text: words[i] ?? '', isCut: false });
  }
  return joined;
}
