import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { type Expected, Places } from '../../../cli/landing/places.ts';

const files: Expected[] = ['a', 'b', 'c'].map((name, i) => ({ name, sizeBytes: i }));

function observed(order: readonly Expected[], failing?: string) {
  const made: string[] = [];
  const givenUp: string[] = [];
  const make = async ({ name }: Expected) => {
    made.push(name);
    await turn();
    if (name === failing) throw new Error(`no ${name}`);
    return name.toUpperCase();
  };
  const places = new Places(order, make, async (place) => void givenUp.push(place));
  return { places, made, givenUp };
}

test('a place is made while the one before is used, and each once', async () => {
  const { places, made, givenUp } = observed(files);
  const seen: string[] = [];
  for (const file of files) {
    seen.push(await places.take(file));
    seen.push([...made].join(''));
  }
  await places[Symbol.asyncDispose]();
  assert.deepEqual(seen, ['A', 'ab', 'B', 'abc', 'C', 'abc']);
  assert.deepEqual(givenUp, []);
});

test('one that was made and not asked for is given up', async () => {
  const { places, givenUp } = observed(files);
  await places.take(files[0]!);
  await places[Symbol.asyncDispose]();
  assert.deepEqual(givenUp, ['B']);
});

test('a failure is told to who asks for that place, and to nobody else', async () => {
  const { places, givenUp } = observed(files, 'b');
  assert.equal(await places.take(files[0]!), 'A');
  await turn();
  await assert.rejects(places.take(files[1]!), /no b/);
  await places[Symbol.asyncDispose]();
  assert.deepEqual(givenUp, []);

  const left = observed(files, 'b');
  await left.places.take(files[0]!);
  await turn();
  await left.places[Symbol.asyncDispose]();
});

test('what was not foreseen, or in another order, has its place all the same', async () => {
  const { places, made } = observed(files.slice(0, 2));
  assert.equal(await places.take(files[2]!), 'C');
  assert.equal(await places.take(files[1]!), 'B');
  assert.equal(await places.take(files[0]!), 'A');
  assert.deepEqual(made, ['c', 'b', 'a']);
});
