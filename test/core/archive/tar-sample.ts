/** A tar written by hand, so that every rule can be broken. */
export interface HeaderFields {
  readonly name: string;
  readonly sizeBytes?: number;
  readonly type?: string;
  readonly magic?: string;
  readonly prefix?: string;
  /** The raw fields, where they are to be other than usual. */
  readonly sizeField?: Buffer | string;
  readonly timeField?: Buffer | string;
  readonly checksumField?: string;
  readonly linkName?: string;
}

export function header(fields: HeaderFields): Buffer {
  const block = Buffer.alloc(512);
  const put = (value: Buffer | string, start: number, length: number) => {
    (typeof value === 'string' ? Buffer.from(value, 'latin1') : value).copy(block, start, 0, length);
  };
  put(fields.name, 0, 100);
  put('0000600\0', 100, 8);
  put('0000000\0', 108, 8);
  put('0000000\0', 116, 8);
  put(fields.sizeField ?? `${(fields.sizeBytes ?? 0).toString(8).padStart(11, '0')}\0`, 124, 12);
  put(fields.timeField ?? '15300566516\0', 136, 12);
  put(fields.type ?? '0', 156, 1);
  put(fields.linkName ?? '', 157, 100);
  put(fields.magic ?? 'ustar\x0000', 257, 8);
  put(fields.prefix ?? '', 345, 155);
  put('        ', 148, 8);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(fields.checksumField ?? `${sum.toString(8).padStart(6, '0')}\0 `, 148, 8);
  return block;
}

export function padded(content: Buffer | string): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

export function file(name: string, content: Buffer | string, fields: Partial<HeaderFields> = {}): Buffer {
  return Buffer.concat([header({ name, sizeBytes: Buffer.byteLength(content), ...fields }), padded(content)]);
}

/** A record of an extended header: its length counts itself. */
export function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return `${length}${rest}`;
}

export function pax(records: Readonly<Record<string, string>> | string): Buffer {
  const content =
    typeof records === 'string'
      ? records
      : Object.entries(records)
          .map(([key, value]) => paxRecord(key, value))
          .join('');
  return file('PaxHeaders/x', Buffer.from(content, 'latin1'), { type: 'x' });
}

export function longName(name: string): Buffer {
  return file('././@LongLink', `${name}\0`, { type: 'L', magic: 'ustar  \0' });
}

export const END = Buffer.alloc(1024);

export function base256(value: bigint): Buffer {
  const field = Buffer.alloc(12, value < 0n ? 0xff : 0);
  let rest = value;
  for (let at = 11; at > 0; at--) {
    field[at] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  field[0] = value < 0n ? 0xff : 0x80;
  return field;
}
