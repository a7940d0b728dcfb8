import { PodfreightError } from '../errors.ts';
import type { JsonField, JsonValue } from './json.ts';

/**
 * How a Go type is read from JSON and written to it by encoding/json. A codec reads what it writes.
 * @see https://pkg.go.dev/encoding/json#Unmarshal
 */
export interface Codec<T> {
  /** What a field has that is not there. */
  readonly zero: T;
  /**
   * @param previous the value so far, which `null` leaves alone, except that it empties a list
   * @throws PodfreightError `invalid-manifest`
   */
  read(value: JsonValue, place: Place, previous: T): T;
  write(value: T): JsonValue;
  /** Left out when written with `omitempty`. */
  isEmpty(value: T): boolean;
}

/** Where a value stands: the file for messages, and the way to it, as in `CheckpointedPods[2]`. */
export interface Place {
  readonly file: string;
  readonly path: string;
}

/** A field of a Go struct; `always` is the lack of `omitempty`. */
export interface Field<T> {
  readonly key: string;
  readonly codec: Codec<T>;
  readonly always?: boolean;
}

export function invalidManifest(file: string, problem: string, subject: { path?: string } = {}): PodfreightError {
  return new PodfreightError('invalid-manifest', `${file} is not a valid manifest: ${problem}.`, {
    subject: { manifest: file, ...subject },
  });
}

function expected(what: string, value: JsonValue, { file, path }: Place): PodfreightError {
  const found =
    value.kind === 'number' ? `the number ${value.text.slice(0, 40)}` : `${ARTICLES[value.kind]}${value.kind}`;
  return invalidManifest(file, `${path === '' ? 'it' : path} must be ${what}, not ${found}`, { path });
}

const ARTICLES = { null: '', boolean: 'a ', string: 'a ', array: 'an ', object: 'an ' } as const;

export const text: Codec<string> = {
  zero: '',
  read(value, place, previous) {
    if (value.kind === 'null') return previous;
    if (value.kind !== 'string') throw expected('a string', value, place);
    return value.text;
  },
  write: (value) => ({ kind: 'string', text: value }),
  isEmpty: (value) => value === '',
};

/** Go's int64, and its int on the machines checkpoints come from: digits only, no fraction, no exponent. */
export const int64: Codec<bigint> = {
  zero: 0n,
  read: (value, place, previous) => readInteger(64, value, place) ?? previous,
  write: (value) => ({ kind: 'number', text: String(value) }),
  isEmpty: (value) => value === 0n,
};

export const int32: Codec<number> = {
  zero: 0,
  read(value, place, previous) {
    const integer = readInteger(32, value, place);
    return integer === undefined ? previous : Number(integer);
  },
  write: (value) => ({ kind: 'number', text: String(value) }),
  isEmpty: (value) => value === 0,
};

/** Never more digits than an int64 has: `BigInt` takes seconds over millions of them. */
const INTEGER = /^-?\d{1,19}$/;

function readInteger(bits: 32 | 64, value: JsonValue, place: Place): bigint | undefined {
  if (value.kind === 'null') return undefined;
  if (value.kind === 'number' && INTEGER.test(value.text)) {
    const integer = BigInt(value.text);
    if (BigInt.asIntN(bits, integer) === integer) return integer;
  }
  throw expected(`a ${bits}-bit integer`, value, place);
}

/** A Go slice. */
export function list<T>(element: Codec<T>): Codec<readonly T[]> {
  return {
    zero: [],
    read(value, place) {
      if (value.kind === 'null') return [];
      if (value.kind !== 'array') throw expected('an array', value, place);
      const { file, path } = place;
      return value.items.map((item, i) => element.read(item, { file, path: `${path}[${i}]` }, element.zero));
    },
    write: (value) => ({ kind: 'array', items: value.map((item) => element.write(item)) }),
    isEmpty: (value) => value.length === 0,
  };
}

/** A Go slice told apart from its nil, which is written `null`. */
export function nullable<T>(codec: Codec<T>): Codec<T | null> {
  return {
    zero: null,
    read: (value, place) => (value.kind === 'null' ? null : codec.read(value, place, codec.zero)),
    write: (value) => (value === null ? { kind: 'null' } : codec.write(value)),
    isEmpty: (value) => value === null || codec.isEmpty(value),
  };
}

/** A struct that keeps the fields it does not know, in their order, and writes them after those it does. */
export interface WithUnknown {
  readonly unknown: readonly JsonField[];
}

/** A Go struct: fields in the order they are written. */
export function struct<T extends WithUnknown>(
  fields: {
    readonly [K in Exclude<keyof T, 'unknown'>]: Field<T[K]>;
  },
): Codec<T> {
  const known = Object.entries(fields) as [string, Field<unknown>][];
  const byKey = new Map(known.map((entry) => [foldKey(entry[1].key), entry]));
  const zero = Object.fromEntries(known.map(([property, { codec }]) => [property, codec.zero]));

  return {
    zero: { ...zero, unknown: [] } as unknown as T,
    read(value, place, previous) {
      if (value.kind === 'null') return previous;
      if (value.kind !== 'object') throw expected('an object', value, place);
      const properties: Record<string, unknown> = { ...(previous as object) };
      const unknown = [...previous.unknown];
      for (const field of value.fields) {
        const match = byKey.get(foldKey(field[0]));
        if (match === undefined) {
          unknown.push(field);
        } else {
          const [property, { key, codec }] = match;
          properties[property] = codec.read(field[1], step(place, key), properties[property]);
        }
      }
      return { ...properties, unknown } as unknown as T;
    },
    write(value) {
      const written: JsonField[] = [];
      for (const [property, { key, codec, always }] of known) {
        const field = (value as Record<string, unknown>)[property];
        if (always || !codec.isEmpty(field)) written.push([key, codec.write(field)]);
      }
      return { kind: 'object', fields: [...written, ...value.unknown] };
    },
    isEmpty: () => false,
  };
}

/** Keys that are more than a word stand in quotes: `CheckpointedPods[0]."io.kubernetes.pod.uid"`. */
function step({ file, path }: Place, key: string): Place {
  const name = /^\w+$/.test(key) ? key : `"${key}"`;
  return { file, path: path === '' ? name : `${path}.${name}` };
}

/**
 * Keys match when they are equal by Unicode's simple case folding. All known ones are ASCII, to which just two characters
 * fold from outside: the Kelvin sign, whose lower case is `k`, and the long s.
 */
function foldKey(key: string): string {
  return key.replaceAll('\u017f', 's').toLowerCase();
}
