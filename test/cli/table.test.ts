import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { renderTable } from '../../cli/table.ts';

interface Vector {
  readonly name: string;
  readonly header: string[];
  readonly rows: string[][];
  readonly table: string[];
}

function read(path: string): string {
  return readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
}

const vectors: Vector[] = JSON.parse(read('vectors/table.json'));

describe('prints the table of checkpointctl', () => {
  for (const { name, header, rows, table } of vectors) {
    test(name, async () => assert.equal(await renderTable(header, rows), table.join('\n')));
  }

  const nodes: Record<string, string[][]> = {
    'node-a': [
      ['my-redis', 'default', 'redis', 'redis', 'true', '0b6e1f0e-5a39-4d2e-9a53-9d2f0a7f3c11'],
      ['counters', 'default', 'counter', 'quay.io/adrianreber/counter', 'true', '7f0dd0a4-1f3c-4f6b-8f0e-0f2d5b1c9a22'],
      ['counters', 'default', 'web', 'localhost/web', 'true', '7f0dd0a4-1f3c-4f6b-8f0e-0f2d5b1c9a22'],
    ],
    'node-b': [
      ['my-redis', 'default', 'redis', 'redis', 'true', '0b6e1f0e-5a39-4d2e-9a53-9d2f0a7f3c33'],
      ['web', 'edge', 'web', 'localhost/web', 'true', '2c1de0b7-9a5f-44c0-a1a7-6f7a9e1d4b44'],
    ],
  };
  for (const [node, rows] of Object.entries(nodes)) {
    test(`of ${node}`, async () => {
      const header = ['Pod', 'Namespace', 'Container', 'Image', 'Archive Found', 'Pod UID'];
      const shown = read(`fixtures/${node}.show.txt`);
      assert.equal(await renderTable(header, rows), shown.split('\n').slice(3).join('\n'));
    });
  }
});

test('prints every cell when asked to', async () => {
  assert.equal(
    await renderTable(['Size'], [['1'], ['1']], { merge: false }),
    '+------+\n| SIZE |\n+------+\n|    1 |\n+------+\n|    1 |\n+------+\n',
  );
});

test('cells are one line each, whatever is in them', async () => {
  const table = await renderTable(['Pod'], [['a\nb'], ['\x1b[31mred'], ['\u202egnp.exe']]);
  assert.deepEqual(
    table.split('\n').filter((line) => line.startsWith('|')),
    ['|       POD       |', '| a\\nb            |', '| \\x1b[31mred     |', '| \\u{202e}gnp.exe |'],
  );
});

test('a cell of megabytes is cut', async () => {
  const table = await renderTable(
    ['Pod', 'Image'],
    [
      ['x'.repeat(4_000_000), 'i'],
      ['b', 'y '.repeat(2_000_000)],
    ],
  );
  assert.ok(table.includes(`| ${'x'.repeat(1023)}… | i`));
  assert.ok(table.length < 100_000);
});

test('as many rows as a manifest can have', async () => {
  const rows = Array.from({ length: 150_000 }, (_, i) => [`pod-${i}`]);
  assert.equal((await renderTable(['Pod'], rows)).split('\n').length, 3 + 2 * rows.length + 1);
});
