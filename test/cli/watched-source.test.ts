import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Output } from '../../cli/output.ts';
import type { Progress } from '../../cli/progress.ts';
import { WatchedSource } from '../../cli/watched-source.ts';
import { MemorySource } from '../core/archive/memory-source.ts';

const MIB = 1024 ** 2;

class Watching extends Output {
  readonly begun: (number | undefined)[] = [];
  advanced = 0;
  ended = 0;

  override progress(_: string, totalBytes?: number): Progress {
    this.begun.push(totalBytes);
    return {
      advance: (bytes) => {
        this.advanced += bytes;
      },
      label() {},
      [Symbol.dispose]: () => {
        this.ended++;
      },
    };
  }
}

test('progress is shown when much is read, and not before', async () => {
  const output = new Watching({ json: false });
  const bytes = Buffer.alloc(10 * MIB, 'x');
  {
    using source = new WatchedSource(new MemorySource(bytes), { output, signal: new AbortController().signal });
    assert.equal((await source.read({ start: 5, end: 5 + MIB })).length, MIB);
    assert.deepEqual([output.begun, output.advanced], [[], 0]);
    const chunks = await Array.fromAsync(source.stream({ start: 0, end: bytes.length }));
    assert.ok(Buffer.concat(chunks).equals(bytes));
    assert.deepEqual([output.begun, output.advanced, output.ended], [[10 * MIB], 11 * MIB, 0]);
  }
  assert.equal(output.ended, 1);
});

test('reading ends when it is stopped', async () => {
  const stop = new AbortController();
  const context = { output: new Output({ json: false }), signal: stop.signal };
  using source = new WatchedSource(new MemorySource(Buffer.alloc(100)), context);
  await source.read({ start: 0, end: 10 });
  const reason = new Error('stopped');
  stop.abort(reason);
  await assert.rejects(source.read({ start: 0, end: 10 }), reason);
  await assert.rejects(Array.fromAsync(source.stream({ start: 0, end: 10 })), reason);
});
