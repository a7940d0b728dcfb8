import { invalidArchive } from '../archive/refusal.ts';
import { JsonError, type JsonField, type JsonValue, parseJson } from '../manifest/json.ts';
import { quoteText } from '../manifest/quote.ts';
import { parseRfc3339 } from './rfc3339.ts';

/** Names, references and times are shorter. */
const TEXT_MAX = 4096;

/** Go's time of nothing. */
const ZERO_TIME = '0001-01-01T00:00:00Z';

/**
 * An object in a JSON file of an engine, read as Go reads it into a struct: keys in any case, but each once. `null` and an
 * empty string are as good as nothing. All methods throw PodfreightError `invalid-archive` where another kind of value is.
 */
export class JsonObject {
  readonly #fields: readonly JsonField[];
  readonly #archive: string;
  readonly #file: string;
  readonly #path: string;

  private constructor(value: JsonValue | undefined, archive: string, file: string, path: string) {
    this.#archive = archive;
    this.#file = file;
    this.#path = path;
    if (value !== undefined && value.kind !== 'object' && value.kind !== 'null') {
      throw this.#expected('an object', value);
    }
    this.#fields = value?.kind === 'object' ? value.fields : [];
  }

  /**
   * @param archive its name, for messages
   * @param file the member these bytes come from
   * @throws PodfreightError `invalid-archive` when they are no JSON object; for limits see `parseJson`
   */
  static parse(bytes: Buffer, archive: string, file: string): JsonObject {
    try {
      return new JsonObject(parseJson(bytes), archive, file, '');
    } catch (error) {
      if (error instanceof JsonError) throw invalidArchive(archive, `is no JSON: it has ${error.message}`, file);
      throw error;
    }
  }

  text(key: string): string | undefined {
    const value = this.#find(key);
    if (value === undefined) return undefined;
    if (value.kind !== 'string') throw this.#expected('a string', value, key);
    if (value.text.length > TEXT_MAX) throw this.#refuse(`has more than ${TEXT_MAX} characters at`, key);
    return value.text === '' ? undefined : value.text;
  }

  /** A time with its zone. */
  time(key: string): Date | undefined {
    const text = this.text(key);
    if (text === undefined || text === ZERO_TIME) return undefined;
    const time = parseRfc3339(text);
    if (time === undefined) throw this.#refuse('has no time at', key);
    return time.instant;
  }

  /** An empty one where there is none. */
  object(key: string): JsonObject {
    return new JsonObject(this.#find(key), this.#archive, this.#file, this.#step(key));
  }

  /**
   * As a Go map in its order, keys just as they are: all, or those of `wanted`, that are there.
   * @param mostCharacters of one value
   */
  texts(wanted?: Iterable<string>, mostCharacters = TEXT_MAX): ReadonlyMap<string, string> {
    const keys = wanted && new Set(wanted);
    const texts = new Map<string, string>();
    for (const [key, value] of this.#fields) {
      if (keys && !keys.has(key)) continue;
      if (value.kind !== 'string') throw this.#expected('a string', value, key);
      if (value.text.length > mostCharacters) throw this.#refuse(`has more than ${mostCharacters} characters at`, key);
      if (texts.has(key)) throw this.#refuse('has more than one', key);
      texts.set(key, value.text);
    }
    return texts;
  }

  /** A list of strings; undefined where no list is. */
  list(key: string): readonly string[] | undefined {
    const value = this.#find(key);
    if (value?.kind !== 'array') return undefined;
    return value.items.map((item) => {
      if (item.kind !== 'string') throw this.#expected('strings', item, key);
      return item.text;
    });
  }

  #find(key: string): JsonValue | undefined {
    const found = this.#fields.filter(([name]) => name.toLowerCase() === key.toLowerCase());
    if (found.length > 1) throw this.#refuse('has more than one', key);
    const value = found[0]?.[1];
    return value?.kind === 'null' ? undefined : value;
  }

  #step(key: string): string {
    return this.#path === '' ? key : `${this.#path}.${key}`;
  }

  #expected(what: string, value: JsonValue, key?: string): Error {
    const path = key === undefined ? this.#path : this.#step(key);
    const where = path === '' ? '' : ` at ${quoteText(path)}`;
    return invalidArchive(this.#archive, `must have ${what}${where}, not ${value.kind}`, this.#file);
  }

  #refuse(problem: string, key: string): Error {
    return invalidArchive(this.#archive, `${problem} ${quoteText(this.#step(key))}`, this.#file);
  }
}
