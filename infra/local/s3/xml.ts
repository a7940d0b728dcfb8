import { S3Error } from './errors.ts';

/** What an element holds: text, elements by name, or the same element several times. Undefined leaves it out. */
export type XmlValue = string | number | boolean | Date | undefined | XmlFields | readonly XmlValue[];

export interface XmlFields {
  readonly [name: string]: XmlValue;
}

const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** `<root>` with `fields` in their order. */
export function xmlDocument(root: string, fields: XmlFields, { namespace = true } = {}): string {
  const open = namespace ? `${root} xmlns="${NAMESPACE}"` : root;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${open}>${elements(fields)}</${root}>`;
}

function elements(fields: XmlFields): string {
  let out = '';
  for (const [name, value] of Object.entries(fields)) out += element(name, value);
  return out;
}

function element(name: string, value: XmlValue): string {
  if (value === undefined) return '';
  if (Array.isArray(value)) return value.map((item: XmlValue) => element(name, item)).join('');
  const content =
    value instanceof Date
      ? value.toISOString()
      : typeof value === 'object'
        ? elements(value as XmlFields)
        : escapeText(String(value));
  return `<${name}>${content}</${name}>`;
}

/** Control characters too: keys may hold them, and a carriage return would be read back as a line feed. */
function escapeText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones to escape
  return text.replace(/[&<>"\u0000-\u001f\u007f\ufffe\uffff]/g, (char) => {
    if (char === '&') return '&amp;';
    if (char === '<') return '&lt;';
    if (char === '>') return '&gt;';
    if (char === '"') return '&quot;';
    return `&#x${char.charCodeAt(0).toString(16)};`;
  });
}

/** An element that was read. Attributes, namespaces and the order between elements and text are not kept. */
export class XmlElement {
  readonly name: string;
  readonly children: XmlElement[] = [];
  text = '';

  constructor(name: string) {
    this.name = name;
  }

  all(name: string): XmlElement[] {
    return this.children.filter((child) => child.name === name);
  }

  /** Text of the first child called `name`. */
  get(name: string): string | undefined {
    return this.children.find((child) => child.name === name)?.text;
  }
}

const TOKEN =
  /<\?[^>]*\?>|<!--[\s\S]*?-->|<!\[CDATA\[([\s\S]*?)\]\]>|<(\/?)(?:[\w.-]+:)?([\w.-]+)((?:[^<>"']|"[^"]*"|'[^']*')*?)(\/?)>|([^<]+)/y;

/**
 * Reads a request's document, as far as S3's need it: no document types, no entities but the five and numbers.
 * @param root what the outermost element must be called
 * @throws S3Error `MalformedXML`
 */
export function parseXml(text: string, root: string): XmlElement {
  const top = new XmlElement('');
  const open = [top];
  const source = text.replace(/^\ufeff/, '');
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < source.length) {
    const token = TOKEN.exec(source);
    const parent = open.at(-1);
    if (token === null || parent === undefined) throw malformed();
    const [, cdata, closing, name, , empty, characters] = token;
    if (cdata !== undefined) parent.text += cdata;
    else if (characters !== undefined) parent.text += unescapeText(characters);
    else if (closing && name !== undefined) {
      if (open.pop()?.name !== name) throw malformed();
    } else if (name !== undefined) {
      const child = new XmlElement(name);
      parent.children.push(child);
      if (!empty) open.push(child);
    }
  }
  const [only, ...more] = top.children;
  if (open.length !== 1 || only?.name !== root || more.length > 0 || top.text.trim() !== '') throw malformed();
  return only;
}

function unescapeText(text: string): string {
  return text.replace(/&(?:([^;&]*);)?/g, (_, name = '') => {
    const [, hex, decimal] = /^#(?:x([0-9a-f]{1,6})|(\d{1,7}))$/i.exec(name) ?? [];
    const code = hex !== undefined ? Number.parseInt(hex, 16) : decimal !== undefined ? Number(decimal) : undefined;
    const char = code === undefined ? ENTITIES[name] : code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
    if (char === undefined) throw malformed();
    return char;
  });
}

function malformed(): S3Error {
  return new S3Error(
    'MalformedXML',
    'The XML you provided was not well-formed or did not validate against our published schema',
  );
}
