import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BufferPool, release } from '../../../core/archive/buffer-pool.ts';

test('memory that was given back is used again', () => {
  const pool = new BufferPool(1000);
  const first = pool.take(900);
  const second = pool.take(1000);
  assert.ok(first.length >= 900 && second.length >= 1000);
  assert.notEqual(first.buffer, second.buffer);
  pool.give(first);
  assert.equal(pool.take(1000).buffer, first.buffer);
});

test('a longer piece than usual gets memory as long', () => {
  const pool = new BufferPool(1000);
  pool.give(pool.take(1000));
  const long = pool.take(5000);
  assert.ok(long.length >= 5000);
  pool.give(long);
  assert.equal(pool.take(4000).buffer, long.buffer);
});

test('a short one does not take the place of a long one', () => {
  const pool = new BufferPool(1000);
  const short = pool.take(10);
  assert.equal(short.length, 10);
  pool.give(short);
  assert.notEqual(pool.take(10).buffer, short.buffer);
});

test('what is released holds no memory any more; what Node.js shares out is left alone', () => {
  const large = Buffer.allocUnsafeSlow(100_000);
  release(large);
  assert.equal(large.length, 0);
  const small = Buffer.from('shared with others');
  release(small);
  assert.equal(small.toString(), 'shared with others');
});
