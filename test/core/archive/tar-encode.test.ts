import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeHeader } from '../../../core/archive/tar-encode.ts';
import { TarWalk } from '../../../core/archive/tar-walk.ts';
import { MODIFIED_AT } from './sample.ts';

async function encodedAndRead(name: string, sizeBytes: number, modifiedAt: Date) {
  const bytes = await encodeHeader({ name, sizeBytes, modifiedAt });
  const walk = new TarWalk('test.tar');
  let step = walk.feed(bytes.subarray(0, 512));
  for (let at = 512; at < bytes.length; at += 512) step = walk.feed(bytes.subarray(at, at + 512));
  assert.equal(step.kind, 'member');
  return { bytes, member: step.kind === 'member' ? step.member : assert.fail() };
}

test('a header is one block: mode 0600, owner 0, no names, whole seconds', async () => {
  const { bytes, member } = await encodedAndRead('a1.tar', 700, new Date(MODIFIED_AT.getTime() + 250));
  assert.equal(bytes.length, 512);
  assert.equal(bytes.toString('latin1', 100, 124), '000600 \x00000000 \x00000000 \x00');
  assert.equal(bytes.toString('latin1', 257, 345).replace(/\0+/g, '|'), 'ustar|00|000000 |000000 |');
  assert.deepEqual(member.modifiedAt, MODIFIED_AT);
});

test('a name over 100 bytes and a time after 2038 go into an extended header', async () => {
  const long = `${'b'.repeat(128)}.tar`;
  const after2038 = new Date('2040-01-01T00:00:00Z');
  assert.equal((await encodedAndRead(long, 5, MODIFIED_AT)).member.name, long);
  const { bytes, member } = await encodedAndRead('a.tar', 5, after2038);
  assert.equal(bytes.length, 1536);
  assert.deepEqual([member.name, member.sizeBytes, member.modifiedAt], ['a.tar', 5, after2038]);
});

test('every size and time that can be is read back', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/),
      fc.oneof(
        fc.nat(),
        fc.constantFrom(0, 8 ** 11 - 1, 8 ** 11, 2 ** 40 + 5),
        fc.integer({ min: 0, max: 2 ** 53 - 4096 }),
      ),
      fc.integer({ min: -8_640_000_000_000, max: 8_640_000_000_000 }),
      async (id, sizeBytes, seconds) => {
        const modifiedAt = new Date(seconds * 1000);
        const { member } = await encodedAndRead(`${id}.tar`, sizeBytes, modifiedAt);
        assert.deepEqual([member.name, member.sizeBytes, member.modifiedAt], [`${id}.tar`, sizeBytes, modifiedAt]);
      },
    ),
  );
});
