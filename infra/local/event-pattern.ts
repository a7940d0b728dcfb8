import { PodfreightError } from '../../core/errors.ts';

/**
 * Whether an event fits an EventBridge pattern: every field of the pattern must match, and a field matches when the
 * event's value (or one of its values, when it is an array) equals one of the listed values or passes one of the filters.
 * @throws PodfreightError `unsupported` for a filter that is not understood
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
 */
export function matchesPattern(pattern: object, event: unknown): boolean {
  return Object.entries(pattern).every(([field, wanted]: [string, unknown]) => {
    if (field === '$or') return (wanted as object[]).some((alternative) => matchesPattern(alternative, event));
    const value = isObject(event) && Object.hasOwn(event, field) ? event[field] : undefined;
    if (!Array.isArray(wanted)) return matchesPattern(wanted as object, value);
    const values = Array.isArray(value) ? value : [value];
    return values.some((item) => wanted.some((matcher) => matchesOne(matcher, item)));
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function matchesOne(matcher: unknown, value: unknown): boolean {
  if (!isObject(matcher)) return matcher === value;
  const [name = '', argument] = Object.entries(matcher)[0] ?? [];
  const filter = FILTERS[name];
  if (!filter)
    throw new PodfreightError('unsupported', `The embedded stack does not understand the event filter "${name}".`);
  return filter(argument, value);
}

type Filter = (argument: unknown, value: unknown) => boolean;

const ignoringCase = (argument: unknown): string | undefined =>
  isObject(argument) ? String(argument['equals-ignore-case']).toLowerCase() : undefined;

const FILTERS: Readonly<Record<string, Filter>> = {
  // A field that holds an object has fields of its own and does not "exist" as a value.
  exists: (argument, value) => argument === (value !== undefined && !isObject(value)),
  prefix: (argument, value) => {
    if (typeof value !== 'string') return false;
    const lowerCase = ignoringCase(argument);
    return lowerCase === undefined ? value.startsWith(String(argument)) : value.toLowerCase().startsWith(lowerCase);
  },
  suffix: (argument, value) => {
    if (typeof value !== 'string') return false;
    const lowerCase = ignoringCase(argument);
    return lowerCase === undefined ? value.endsWith(String(argument)) : value.toLowerCase().endsWith(lowerCase);
  },
  'equals-ignore-case': (argument, value) =>
    typeof value === 'string' && value.toLowerCase() === String(argument).toLowerCase(),
  wildcard: (argument, value) => typeof value === 'string' && wildcard(String(argument)).test(value),
  'anything-but': (argument, value) => {
    if (value === undefined) return false;
    if (!isObject(argument)) return ![argument].flat().includes(value);
    const [name = '', excluded] = Object.entries(argument)[0] ?? [];
    return ![excluded].flat().some((one) => matchesOne({ [name]: one }, value));
  },
  numeric: (argument, value) => typeof value === 'number' && compares(argument as (string | number)[], value),
};

/** `*` stands for any characters, `\*` for itself. */
function wildcard(pattern: string): RegExp {
  const pieces = pattern.split(/(?<!\\)\*/).map((piece) => literally(piece.replaceAll('\\*', '*')));
  return new RegExp(`^${pieces.join('.*')}$`, 's');
}

function literally(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

/** `['>', 0, '<=', 5]`: all must hold. */
function compares(comparisons: readonly (string | number)[], value: number): boolean {
  for (let at = 0; at < comparisons.length; at += 2) {
    const limit = Number(comparisons[at + 1]);
    const holds = {
      '=': value === limit,
      '<': value < limit,
      '<=': value <= limit,
      '>': value > limit,
      '>=': value >= limit,
    };
    if (!holds[comparisons[at] as keyof typeof holds]) return false;
  }
  return true;
}
