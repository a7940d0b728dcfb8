import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import fc from 'fast-check';
import type { PodfreightError } from '../../../core/errors.ts';
import { isPodfreightError } from '../../../core/errors.ts';
import { JSON_BYTES_MAX } from '../../../core/manifest/json.ts';
import { checkManifest, formatManifest, type Manifest, parseManifest } from '../../../core/manifest/manifest.ts';
import { anyManifest } from './arbitrary.ts';

interface Vector {
  readonly name: string;
  readonly input: string | { readonly hex: string };
  readonly checkpointctl: { readonly output?: string; readonly error?: string };
  readonly podfreight?: { readonly output?: string; readonly error?: string; readonly because: string };
}

const vectors: Vector[] = JSON.parse(readFileSync(new URL('../../vectors/manifest.json', import.meta.url), 'utf8'));

function parse(text: string): Manifest {
  return parseManifest(Buffer.from(text));
}

function failure(action: () => unknown): PodfreightError {
  try {
    action();
  } catch (error) {
    assert.ok(isPodfreightError(error, 'invalid-manifest'), `unexpected ${error}`);
    return error;
  }
  assert.fail('nothing was thrown');
}

describe('a manifest is read and rewritten as checkpointctl does', () => {
  for (const { name, input, checkpointctl, podfreight } of vectors) {
    const bytes = typeof input === 'string' ? Buffer.from(input) : Buffer.from(input.hex, 'hex');
    const expected = podfreight ?? checkpointctl;
    if (podfreight !== undefined) assert.notDeepEqual({ output: podfreight.output }, checkpointctl, name);
    test(podfreight === undefined ? name : `${name}: not so, ${podfreight.because}`, () => {
      if (expected.output === undefined) {
        const { message } = failure(() => parseManifest(bytes));
        if (podfreight?.error !== undefined) assert.ok(message.includes(podfreight.error), message);
      } else {
        assert.equal(formatManifest(parseManifest(bytes)).toString(), expected.output);
      }
    });
  }
});

describe('a real manifest is what it was after reading and writing, but for zeros', () => {
  for (const node of ['node-a', 'node-b']) {
    test(node, () => {
      const archive = readFileSync(new URL(`../../fixtures/${node}.tar.zst`, import.meta.url));
      const tar = zstdDecompressSync(archive);
      const sizeBytes = Number.parseInt(tar.toString('latin1', 124, 135), 8);
      const bytes = tar.subarray(512, 512 + sizeBytes);
      const manifest = parseManifest(bytes);
      checkManifest(manifest);
      assert.equal(manifest.pods?.length, 2);
      const withoutZeros = bytes.toString().replaceAll(/.*"io\.kubernetes\.container\.restartCount": 0,\n/g, '');
      assert.equal(formatManifest(manifest).toString(), withoutZeros);
    });
  }
});

describe('a broken manifest is refused in one sentence', () => {
  const cases: [why: string, json: string, message: string][] = [
    [
      'wrong type',
      '{"CheckpointedPods":[{},{"podIP":1}]}',
      'NODE is not a valid manifest: CheckpointedPods[1].podIP must be a string, not the number 1.',
    ],
    [
      'wrong type deep inside',
      '{"CheckpointedPods":[{"Containers":[{},{"io.kubernetes.container.restartCount":"many"}]}]}',
      'NODE is not a valid manifest: CheckpointedPods[0].Containers[1]."io.kubernetes.container.restartCount" must be a 32-bit integer, not a string.',
    ],
    ['wrong document', '[]', 'NODE is not a valid manifest: it must be an object, not an array.'],
    [
      'long number',
      `{"version":${'9'.repeat(100_000)}}`,
      `NODE is not a valid manifest: version must be a 64-bit integer, not the number ${'9'.repeat(40)}.`,
    ],
    ['early end', '{"version":0', 'NODE is not a valid manifest: its JSON has an early end at byte 12.'],
    ['later bytes', '{"é":0} x', 'NODE is not a valid manifest: its JSON has data after the end at byte 9.'],
  ];
  for (const [why, json, message] of cases) {
    test(why, () => assert.equal(failure(() => parseManifest(Buffer.from(json), 'NODE')).message, message));
  }

  test('names the way to the field for programs, too', () => {
    const { subject } = failure(() => parse('{"CheckpointedPods":[{"podIP":1}]}'));
    assert.deepEqual(subject, { manifest: 'checkpointed.pods', path: 'CheckpointedPods[0].podIP' });
  });
});

describe('SandboxIDs', () => {
  const withIds = (...ids: string[]) =>
    parse(JSON.stringify({ CheckpointedPods: ids.map((id) => ({ SandboxID: id, Containers: [] })) }));

  test('allows different ones, and pods without names', () =>
    checkManifest(withIds('a', 'A', '0.b_c-d', 'f'.repeat(128))));
  test('allows no pods', () => checkManifest(parse('{}')));

  const refused: [ids: string[], reason: RegExp][] = [
    [['a', 'b', 'a'], /CheckpointedPods\[2\] has the same SandboxID a as CheckpointedPods\[0\]\./],
    [['a', ''], /CheckpointedPods\[1\] has no SandboxID\./],
    ...['../victim', 'a/b', '/a', '.', '..', '.a', '-a', 'a\0', 'a\n', ' ', 'ä', 'f'.repeat(129), 'x'.repeat(9999)].map(
      (id): [string[], RegExp] => [[id], /CheckpointedPods\[0\] has the SandboxID ".+", which cannot be a file name\./],
    ),
  ];
  for (const [ids, reason] of refused) {
    test(`prevents ${JSON.stringify(ids).slice(0, 60)}`, () => {
      const { message } = failure(() => checkManifest(withIds(...ids), 'NODE'));
      assert.match(message, reason);
      assert.ok(message.startsWith('NODE ') && message.length < 300, message);
    });
  }
});

test('__proto__ is a field like any other', () => {
  const json = '{"__proto__":{"version":9,"polluted":true},"CheckpointedPods":[{"__proto__":null,"constructor":{}}]}';
  const manifest = parse(json);
  assert.equal(manifest.version, 0n);
  assert.equal(Object.getPrototypeOf(manifest), Object.prototype);
  assert.equal('polluted' in {}, false);
  const rewritten = formatManifest(manifest).toString();
  assert.match(rewritten, /"__proto__": \{\n {4}"version": 9,\n {4}"polluted": true/);
  assert.match(rewritten, /"__proto__": null,\n {6}"constructor": \{\}/);
});

test('a manifest too big to be read again is not written', () => {
  const name = '&'.repeat(JSON_BYTES_MAX / 6);
  const manifest = parse(JSON.stringify({ CheckpointedPods: [{ 'io.kubernetes.pod.name': name }] }));
  assert.throws(
    () => formatManifest(manifest),
    (error) =>
      isPodfreightError(error, 'unsupported') && /The manifest of 1 pods would be \d+ bytes/.test(error.message),
  );
});

test('what is written is read as it was, unknown fields and all', () => {
  fc.assert(
    fc.property(anyManifest, (manifest) => {
      const bytes = formatManifest(manifest);
      assert.deepEqual(parseManifest(bytes), manifest);
      assert.deepEqual(formatManifest(parseManifest(bytes)), bytes);
    }),
  );
});

test('damaged bytes are read, or refused with the one error', () => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255), fc.constantFrom('set', 'insert', 'delete', 'cut')), {
    minLength: 1,
    maxLength: 4,
  });
  fc.assert(
    fc.property(anyManifest, damage, (manifest, steps) => {
      let bytes = [...formatManifest(manifest)];
      for (const [where, byte, how] of steps) {
        const at = where % (bytes.length + 1);
        if (how === 'cut') bytes = bytes.slice(0, at);
        else bytes.splice(at, how === 'insert' ? 0 : 1, ...(how === 'delete' ? [] : [byte]));
      }
      try {
        const read = parseManifest(Buffer.from(bytes));
        checkManifest(read);
        assert.deepEqual(parseManifest(formatManifest(read)), read);
      } catch (error) {
        if (!isPodfreightError(error, 'invalid-manifest')) throw error;
        assert.match(error.message, /^checkpointed\.pods is not a valid manifest: .*\.$/s);
      }
    }),
    { numRuns: 300 },
  );
});
