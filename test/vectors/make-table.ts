/**
 * Makes table.json: what `show` of the first checkpointctl (e96e86c) prints for rows that are hard to lay out.
 *
 *     node test/vectors/make-table.ts PATH/TO/checkpointctl
 *
 * Each row becomes a pod with one container, and "true" in the fifth column an empty archive.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const HEADER = ['Pod', 'Namespace', 'Container', 'Image', 'Archive Found', 'Pod UID', 'Pod IP'];

const LONG = 'registry.example.com/a-team/with-a-long-name/and-an-image:2021-02-03';
const WORDS = 'the quick brown fox jumps over the lazy dog and runs away into the dark wood';

const CASES: Readonly<Record<string, readonly (readonly string[])[]>> = {
  'no rows': [],
  'no rows, with uid and ip': [],
  'one row': [['web-0', 'default', 'web', 'localhost/web', 'true']],
  'equal cells across pods': [
    ['a', 'default', 'web', 'nginx', 'true'],
    ['b', 'default', 'web', 'nginx', 'true'],
    ['b', 'other', 'web', 'nginx', 'false'],
    ['b', 'default', 'web', 'redis', 'false'],
  ],
  'equal rows': [
    ['a', 'default', 'web', 'nginx', 'true'],
    ['a', 'default', 'web', 'nginx', 'true'],
  ],
  'empty cells are not merged': [
    ['', '', '', '', 'false'],
    ['', '', '', '', 'false'],
    ['a', '', 'web', '', 'false'],
  ],
  'blank cells': [
    [' ', 'a', 'a ', '  ', 'false'],
    [' ', 'a ', 'a', '  ', 'false'],
  ],
  numbers: [
    ['1', '-2', '3.5', '1,234,567.89', 'true'],
    ['100', '+2', '3.', '1,23', 'true'],
    ['0x10', '1e5', '.5', '10%', 'true'],
    [' 7 ', '-', '1 2', '1.2.3', 'true'],
  ],
  'numbers merged': [
    ['12', '12', '12', '12', 'true'],
    ['12', '12', '3', '12', 'true'],
  ],
  'long words are not broken': [[LONG, 'default', 'web', LONG, 'true']],
  'long texts are, at spaces': [
    [WORDS, 'default', 'web', WORDS, 'true'],
    [WORDS, 'default', 'web', `${WORDS} again`, 'true'],
  ],
  'a wrapped cell takes 30 columns': [['a bb ccc dddd eeeee ffffff ggggggg', 'default', 'web', 'x', 'true']],
  'exactly 30, and one more': [
    ['aaaaaaaaaaaaaa bbbbbbbbbbbbbbb', 'n', 'c', 'i', 'true'],
    ['aaaaaaaaaaaaaa bbbbbbbbbbbbbbbb', 'n', 'c', 'i', 'true'],
  ],
  'a long word among short ones': [[`see ${LONG} for more of it`, 'default', 'web', `a b c ${LONG} d e f`, 'true']],
  'one letter before a very long word': [[`x ${'y'.repeat(500)} z`, 'n', 'c', 'i', 'true']],
  'numbers in wrapped cells': [['12345678901234567890 12345678901234567890 7', 'n', 'c', 'i', 'true']],
  'many spaces': [['a     b', 'n', 'c', `  ${'word  '.repeat(8)}`, 'true']],
  'wide characters': [
    ['漢字', 'デフォルト', '한국어', '中文/图像:最新', 'true'],
    ['漢字', 'ﾃﾞﾌｫﾙﾄ', 'ＦＵＬＬ', 'x', 'true'],
  ],
  'wide characters wrapped': [['漢字漢字漢字漢字 漢字漢字漢字漢字 漢字', 'n', 'c', 'i', 'true']],
  'emoji and accents': [['😀 📦', 'é', 'e\u0301', 'Ω…—', 'true']],
  'with uid': [
    ['a', 'default', 'web', 'nginx', 'true', '0b6e1f0e-5a39-4d2e-9a53-9d2f0a7f3c11'],
    ['b', 'default', 'web', 'nginx', 'true', ''],
  ],
  'with uid and ip': [
    ['a', 'default', 'web', 'nginx', 'true', '42', '10.88.0.7'],
    ['b', 'default', 'web', 'nginx', 'true', '42', 'fd00::1234:5678:9abc:def0'],
    ['b', 'default', 'db', 'redis', 'true', '42', 'fd00::1234:5678:9abc:def0'],
  ],
};

const [checkpointctl] = process.argv.slice(2);
if (checkpointctl === undefined) throw new Error('usage: make-table.ts PATH/TO/checkpointctl');

function show(rows: readonly (readonly string[])[], columns: number): string {
  const directory = mkdtempSync(join(tmpdir(), 'make-table-'));
  try {
    const pods = rows.map(([pod, namespace, container, image, found, uid, ip], i) => {
      if (found === 'true') writeFileSync(join(directory, `pod${i}.tar`), '');
      return {
        SandboxID: `pod${i}`,
        'io.kubernetes.pod.name': pod,
        'io.kubernetes.pod.namespace': namespace,
        'io.kubernetes.pod.uid': uid,
        podIP: ip,
        Containers: [{ 'io.kubernetes.container.name': container, Image: image }],
      };
    });
    writeFileSync(join(directory, 'checkpointed.pods'), JSON.stringify({ version: 0, CheckpointedPods: pods }));
    const flags = [...(columns > 5 ? ['--show-pod-uid'] : []), ...(columns > 6 ? ['--show-pod-ip'] : [])];
    const output = execFileSync(checkpointctl!, ['show', '-t', directory, ...flags], { env: { LC_ALL: 'C.UTF-8' } });
    return output.toString().split('\n').slice(3).join('\n');
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const vectors = Object.entries(CASES).map(([name, rows]) => {
  const columns = rows[0]?.length ?? (name.includes('uid and ip') ? 7 : 5);
  return { name, header: HEADER.slice(0, columns), rows, table: show(rows, columns).split('\n') };
});
writeFileSync(join(import.meta.dirname, 'table.json'), `${JSON.stringify(vectors, null, 2)}\n`);
