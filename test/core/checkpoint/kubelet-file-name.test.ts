import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  fitsFileName,
  formatKubeletFileName,
  parseKubeletFileName,
} from '../../../core/checkpoint/kubelet-file-name.ts';
import { parseRfc3339 } from '../../../core/checkpoint/rfc3339.ts';

const READ: Record<string, readonly [pod: string, rest: string, instant: string, offsetMinutes: number]> = {
  'checkpoint-counters_default-counter-2026-11-22T13:24:51Z.tar': [
    'counters',
    'default-counter',
    '2026-11-22T13:24:51.000Z',
    0,
  ],
  'checkpoint-etcd-node-1.example.com_kube-system-etcd-2026-11-22T13:24:51+08:00.tar': [
    'etcd-node-1.example.com',
    'kube-system-etcd',
    '2026-11-22T05:24:51.000Z',
    480,
  ],
  'checkpoint-a_b-c-2024-02-29T23:59:59-05:30.tar': ['a', 'b-c', '2024-03-01T05:29:59.000Z', -330],
  'checkpoint-checkpoint-2026-11-22t_n-c-2026-11-22T00:00:00Z.tar': [
    'checkpoint-2026-11-22t',
    'n-c',
    '2026-11-22T00:00:00.000Z',
    0,
  ],
};

for (const [name, [pod, rest, instant, offsetMinutes]] of Object.entries(READ)) {
  test(`reads ${name}`, () => {
    assert.deepEqual(parseKubeletFileName(name), {
      pod,
      namespaceAndContainer: rest,
      instant: new Date(instant),
      offsetMinutes,
    });
  });
}

const OTHER = [
  'checkpoint-counters_default-counter-2026-11-22T13:24:51Z.tar.zst',
  'checkpoint-counters_default-counter-2026-11-22T13:24:51Z',
  'checkpoint-counters_default-counter-2026-11-22T13:24:51.5Z.tar',
  'checkpoint-counters_default-counter-2026-11-22T13:24:51.tar',
  'checkpoint-counters_default-counter-2026-02-30T13:24:51Z.tar',
  'checkpoint-counters_default-counter-2026-11-22T24:00:00Z.tar',
  'checkpoint-counters_default-counter-2026-11-22T13:24:51+24:00.tar',
  'checkpoint-counters_default-counter-2026-11-22T13:24:51z.tar',
  'checkpoint-counters_default-2026-11-22T13:24:51Z.tar',
  'checkpoint-counters-default-counter-2026-11-22T13:24:51Z.tar',
  'checkpoint-coun_ters_default-counter-2026-11-22T13:24:51Z.tar',
  'checkpoint-counters_default-coun_ter-a-2026-11-22T13:24:51Z.tar',
  'checkpoint-_default-counter-2026-11-22T13:24:51Z.tar',
  'checkpoint-Counters_default-counter-2026-11-22T13:24:51Z.tar',
  'checkpoint-../x_default-counter-2026-11-22T13:24:51Z.tar',
  'checkpoint-counters_default-count/er-2026-11-22T13:24:51Z.tar',
  'checkpoint-counters_default-counter-2026-11-22T13:24:51Z.tar\n',
  'counters_default-counter-2026-11-22T13:24:51Z.tar',
  `checkpoint-${'a'.repeat(253)}_default-counter-2026-11-22T13:24:51Z.tar`,
  'checkpointed.pods',
  '',
];

for (const name of OTHER) {
  test(`passes over ${JSON.stringify(name).slice(0, 90)}`, () => assert.equal(parseKubeletFileName(name), undefined));
}

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/);
const podName = fc.stringMatching(/^[a-z0-9]([a-z0-9.-]{0,60}[a-z0-9])?$/);
const time = fc.record({
  instant: fc.integer({ min: Date.UTC(1970), max: Date.UTC(9999, 0) }).map((at) => new Date(at - (at % 1000))),
  offsetMinutes: fc.integer({ min: -14 * 60, max: 14 * 60 }),
});
const address = fc.record({ pod: podName, namespace: label, container: label });

test('every name that a kubelet can give is read back, and fits whose it is', () => {
  fc.assert(
    fc.property(address, time, (whose, when) => {
      const name = formatKubeletFileName(whose, when);
      const read = parseKubeletFileName(name);
      assert.ok(read, name);
      const { pod, instant, offsetMinutes } = read;
      assert.deepEqual({ pod, instant, offsetMinutes }, { pod: whose.pod, ...when });
      assert.ok(fitsFileName(whose, read));
      assert.equal(formatKubeletFileName(whose, read), name);
    }),
  );
});

test('a name does not say where the namespace ends, and fits all that it may mean', () => {
  const read = parseKubeletFileName('checkpoint-p_a-b-c-2026-11-22T13:24:51Z.tar')!;
  assert.ok(fitsFileName({ pod: 'p', namespace: 'a', container: 'b-c' }, read));
  assert.ok(fitsFileName({ pod: 'p', namespace: 'a-b', container: 'c' }, read));
  assert.ok(!fitsFileName({ pod: 'p', namespace: 'a', container: 'b' }, read));
  assert.ok(!fitsFileName({ pod: 'q', namespace: 'a', container: 'b-c' }, read));
});

test('any text is read or passed over, and what is read is written as it was, but for +00:00', () => {
  const piece = fc.constantFrom(
    ...['checkpoint-', '_', '-', '.tar', 'a', 'default', '2026-11-22T13:24:51', 'Z', '+01:00', '-00:30', '.', ':', 'A'],
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
      const name = pieces.join('');
      const read = parseKubeletFileName(name);
      if (read === undefined) return;
      const [namespace = '', ...container] = read.namespaceAndContainer.split('-');
      const again = { pod: read.pod, namespace, container: container.join('-') };
      assert.equal(formatKubeletFileName(again, read), name);
    }),
    { numRuns: 5000 },
  );
});

test('times as Go writes them', () => {
  const at = (text: string) => parseRfc3339(text)?.instant.toISOString();
  assert.equal(at('2026-11-22T13:24:51.65666153Z'), '2026-11-22T13:24:51.656Z');
  assert.equal(at('2026-11-22T14:24:51.5+01:00'), '2026-11-22T13:24:51.500Z');
  assert.equal(at('0001-01-01T00:00:00Z'), '0001-01-01T00:00:00.000Z');
  for (const text of [
    '2026-11-22',
    '2026-11-22T13:24:51',
    '2026-13-01T00:00:00Z',
    '2026-11-22T13:60:00Z',
    'soon',
    '',
  ]) {
    assert.equal(at(text), undefined, text);
  }
});
