import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canDraw, ProgressLine, type Terminal } from '../../cli/progress.ts';

const CLEAR = '\r\x1b[2K';

function terminal(columns = 80): Terminal & { written: string[] } {
  const written: string[] = [];
  return { isTTY: true, columns, written, write: (text) => written.push(text) };
}

test('shows the share of a known total, and never more than all of it', () => {
  using line = new ProgressLine(terminal(), 'Inserting', 4 * 1024 * 1024);
  line.advance(1024 * 1024);
  assert.match(line.text(), /^Inserting {2}25 % {2}1\.0 MiB of 4\.0 MiB {2}\S+ \S+\/s$/);
  line.advance(9 * 1024 * 1024);
  assert.match(line.text(), /^Inserting {2}100 % {2}4\.0 MiB of 4\.0 MiB /);
});

test('shows just bytes when the total is unknown, and 100 % of nothing', () => {
  using line = new ProgressLine(terminal(), 'Reading');
  line.advance(2048);
  assert.match(line.text(), /^Reading {2}2\.0 KiB {2}\S+ \S+\/s$/);
  using nothing = new ProgressLine(terminal(), 'Reading', 0);
  assert.match(nothing.text(), /^Reading {2}100 % /);
});

test('stays on one line of a narrow terminal', () => {
  const narrow = terminal(20);
  using _ = new ProgressLine(narrow, 'A label that is longer than the terminal is wide', 1);
  assert.deepEqual(narrow.written, [`${CLEAR}A label that is lon`]);
});

test('leaves a clear line behind and draws no more', () => {
  const screen = terminal();
  const line = new ProgressLine(screen, 'Inserting', 1);
  line[Symbol.dispose]();
  line[Symbol.dispose]();
  line.draw();
  line.clear();
  assert.equal(screen.written.at(-1), CLEAR);
  assert.equal(screen.written.length, 2);
});

test('is drawn on terminals only', () => {
  assert.equal(canDraw({ write() {} }), false);
  assert.equal(canDraw({ isTTY: false, write() {} }), false);
});
