/** The least that HTTP/1.1 over a socket can be: no library, no copy, no check. What is possible here, not a real client. */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { connect, type OnReadOpts, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { parseArgs } from 'node:util';

const PIECE_BYTES = 8 * 1024 * 1024;
const READ_BYTES = 1024 * 1024;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { connections: { type: 'string', default: '4' }, size: { type: 'string' } },
});
const [verb, target = '', path] = positionals;
const url = new URL(target);
const sizeBytes = Number(values.size);
let next = 0;

const file = path === undefined ? undefined : openSync(path, verb === 'get' ? 'w' : 'r');
await Promise.all(Array.from({ length: Number(values.connections) }, verb === 'get' ? get : put));
if (file !== undefined) closeSync(file);

/** The next piece nobody has taken, half-open. */
function takePiece(): { start: number; end: number } | undefined {
  if (next >= sizeBytes) return undefined;
  const start = next;
  next = Math.min(sizeBytes, start + PIECE_BYTES);
  return { start, end: next };
}

function open(onread?: OnReadOpts): Socket {
  const to = { host: url.hostname, port: Number(url.port), ...(onread && { onread }) };
  return url.protocol === 'https:' ? connectTls(to) : connect(to);
}

function head(method: string, headers: string): string {
  return `${method} ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\n${headers}\r\n\r\n`;
}

/** Reads each answer into one buffer that is used again, and writes it where it belongs. */
function get(): Promise<void> {
  return new Promise((resolve, reject) => {
    let at = 0;
    let end = 0;
    let inHead = false;
    const ask = () => {
      const piece = takePiece();
      if (piece === undefined) {
        socket.destroy();
        return resolve();
      }
      ({ start: at, end } = piece);
      inHead = true;
      socket.write(head('GET', `Range: bytes=${at}-${end - 1}`));
    };
    const callback = (length: number, buffer: Uint8Array): boolean => {
      let bytes = Buffer.from(buffer.buffer, buffer.byteOffset, length);
      if (inHead) {
        if (!bytes.toString('latin1', 0, 15).startsWith('HTTP/1.1 206')) reject(new Error(bytes.toString('latin1')));
        bytes = bytes.subarray(bytes.indexOf('\r\n\r\n') + 4);
        inHead = false;
      }
      for (let written = 0; file !== undefined && written < bytes.length; ) {
        written += writeSync(file, bytes, written, bytes.length - written, at + written);
      }
      at += bytes.length;
      if (at === end) ask();
      return true;
    };
    const socket = open({ buffer: Buffer.allocUnsafe(READ_BYTES), callback });
    socket.on('error', reject);
    ask();
  });
}

/** Sends each piece as a body of its own. */
function put(): Promise<void> {
  return new Promise((resolve, reject) => {
    const buffer = Buffer.alloc(PIECE_BYTES);
    const socket = open();
    const send = () => {
      const piece = takePiece();
      if (piece === undefined) {
        socket.destroy();
        return resolve();
      }
      const length = piece.end - piece.start;
      if (file !== undefined) readSync(file, buffer, 0, length, piece.start);
      socket.cork();
      socket.write(head('PUT', `Content-Length: ${length}`));
      socket.write(buffer.subarray(0, length));
      socket.uncork();
    };
    socket.on('error', reject).on('data', (answer) => {
      if (!answer.toString('latin1', 0, 15).startsWith('HTTP/1.1 200')) reject(new Error(answer.toString('latin1')));
      send();
    });
    send();
  });
}
