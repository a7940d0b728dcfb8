import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { archiveOf, PulledArchive, pods } from './killed-pull.ts';
import { temporaryFolder } from './podfreight.ts';

const MiB = 1024 * 1024;
const t0 = test;
for (const format of ['tar', 'tar+zstd'] as const) {
  t0(`x ${format}`, async (t) => {
    const folder = await temporaryFolder(t);
    const all = pods(1);
    const archive = await archiveOf(all, format);
    const pulled = await PulledArchive.make(t, archive, 'x.tar');
    const target = join(folder, 'target');
    for (const at of [8, 12, 16]) {
      const r = await pulled.pullKilled(['-t', target], at, 5);
      console.log(format, archive.length / MiB, at, r.code, r.signal, r.sentBytes / MiB, r.stderr);
    }
    console.log(await readdir(target, { recursive: true }));
    const r = await pulled.pull(['-t', target]);
    console.log(r.code, r.stderr, r.sentBytes / MiB);
    for (const [id, bytes] of all) assert.ok((await readFile(join(target, `${id}.tar`))).equals(bytes));
    console.log(await readdir(target, { recursive: true }));
    const out = join(folder, 'out.tar');
    for (const at of [8, 12, 16]) {
      const r = await pulled.pullKilled(['-o', out], at, 5);
      console.log(format, archive.length / MiB, at, r.code, r.signal, r.sentBytes / MiB, r.stderr);
    }
    const r2 = await pulled.pull(['-o', out]);
    console.log(r2.code, r2.stderr, r2.sentBytes / MiB);
    assert.ok((await readFile(out)).equals(archive));
    console.log(await readdir(folder));
  });
}
