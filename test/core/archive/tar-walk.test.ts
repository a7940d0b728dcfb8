import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { walkPlain } from '../../../core/archive/plain-walk.ts';
import { TarGuard } from '../../../core/archive/tar-guard.ts';
import { MAX_MEMBERS, TarWalk } from '../../../core/archive/tar-walk.ts';
import { isPodfreightError } from '../../../core/errors.ts';
import { MemorySource } from './memory-source.ts';
import { base256, END, file, header, longName, padded, pax } from './tar-sample.ts';

const LONG = `${'b'.repeat(120)}.tar`;
const GNU = 'ustar  \0';
const V7 = '\0'.repeat(8);

/** What the guard lets through, fed in chunks of `chunkBytes`. */
function guarded(tar: Buffer, chunkBytes: number): string[] {
  const guard = new TarGuard('test.tar');
  for (let at = 0; at < tar.length; at += chunkBytes) guard.push(tar.subarray(at, at + chunkBytes));
  guard.finish();
  const names: string[] = [];
  for (let entry = guard.take(); entry; entry = guard.take()) {
    if (entry.kind === 'member') names.push(`${entry.member.name} ${entry.member.sizeBytes}`);
  }
  return names;
}

async function walked(tar: Buffer): Promise<string[]> {
  const names: string[] = [];
  for await (const { name, sizeBytes } of walkPlain(new MemorySource(tar))) names.push(`${name} ${sizeBytes}`);
  return names;
}

const ALLOWED: Record<string, readonly [tar: Buffer[], names: string[]]> = {
  'a manifest and a pod': [
    [file('checkpointed.pods', '{}'), file('a1.tar', 'abc')],
    ['checkpointed.pods 2', 'a1.tar 3'],
  ],
  'names with ./ and the root before them': [
    [header({ name: './', type: '5' }), file('./checkpointed.pods', '{}'), file('./a.tar', '')],
    ['checkpointed.pods 2', 'a.tar 0'],
  ],
  'the root in a format without types': [
    [header({ name: './', type: '\0', magic: V7 }), file('a.tar', 'a', { type: '\0', magic: V7 })],
    ['a.tar 1'],
  ],
  'the root with an extended header': [
    [pax({ mtime: '1.5' }), header({ name: './', type: '5' }), file('a.tar', 'a')],
    ['a.tar 1'],
  ],
  'GNU magic': [[file('a.tar', 'a', { magic: GNU })], ['a.tar 1']],
  'a size in base-256': [[file('a.tar', 'abc', { sizeField: base256(3n) })], ['a.tar 3']],
  'a long name in an extended header, cut off in the plain one': [
    [pax({ path: LONG }), file(LONG.slice(0, 100), 'a')],
    [`${LONG} 1`],
  ],
  'a long name as tar-stream writes it': [[pax({ path: LONG }), file('PaxHeader', 'a')], [`${LONG} 1`]],
  'a long name as GNU tar writes it': [[longName(LONG), file(LONG.slice(0, 100), 'a', { magic: GNU })], [`${LONG} 1`]],
  'a long name with ./': [[longName(`./${LONG}`), file(`./${LONG}`.slice(0, 100), '', { magic: GNU })], [`${LONG} 0`]],
  'name and size again in the extended header': [[pax({ path: 'a.tar', size: '1' }), file('a.tar', 'a')], ['a.tar 1']],
  'attributes of all kinds': [
    [pax({ 'SCHILY.xattr.user.x': 'y', atime: '1.1', ctime: '2', uname: 'root', comment: 'c' }), file('a.tar', 'a')],
    ['a.tar 1'],
  ],
  'a fill up to 10,240 bytes': [[file('a.tar', 'a'), Buffer.alloc(10240 - 1024)], ['a.tar 1']],
};

for (const [what, [parts, names]] of Object.entries(ALLOWED)) {
  test(`allows ${what}`, async () => {
    const tar = Buffer.concat([...parts, END]);
    assert.deepEqual(await walked(tar), names);
    for (const size of [1, 7, 321, 512, 4096, 1 << 20])
      assert.deepEqual(guarded(tar, size), names, `chunks of ${size}`);
  });
}

const pod = file('a.tar', 'abc');
const REFUSED: Record<string, readonly [tar: Buffer[], reason: RegExp]> = {
  'a name that goes up': [[file('../a.tar', '')], /member "\.\.\/a\.tar" is neither/],
  'a name that goes up behind ./': [[file('./../a.tar', '')], /is neither/],
  'a name from the root': [[file('/a.tar', '')], /is neither/],
  'a name in a directory': [[file('d/a.tar', '')], /is neither/],
  'a name in a directory by prefix': [[file('a.tar', '', { prefix: 'd' })], /member "d\/a\.tar" is neither/],
  'two ./': [[file('././a.tar', '')], /is neither/],
  'a name that is only .tar': [[file('.tar', '')], /is neither/],
  'a hidden name': [[file('.a.tar', '')], /is neither/],
  'a name with a line end': [[file('a\n.tar', '')], /member "a\\x0a\.tar" is neither/],
  'a name with an escape sequence': [[file('\x1b[2J.tar', '')], /member "\\x1b\[2J\.tar"/],
  'a name in UTF-8': [[file('\xc3\xa4.tar', '')], /member "\\xc3\\xa4\.tar"/],
  'another file': [[file('run.sh', '')], /member "run\.sh" is neither/],
  'a backup of the manifest': [[file('checkpointed.pods.bak', '')], /is neither/],
  'an empty name': [[file('', '')], /member "" is neither/],
  'a name that goes on after its end': [[file('a.tar\0/../x', '')], /goes on after its end/],
  'a hard link': [
    [header({ name: 'a.tar', type: '1', linkName: '/etc/shadow' })],
    /is a hard link, not a regular file/,
  ],
  'a symbolic link': [[header({ name: 'a.tar', type: '2', linkName: '/etc/shadow' })], /is a symbolic link/],
  'a character device': [[header({ name: 'a.tar', type: '3' })], /is a character device/],
  'a block device': [[header({ name: 'a.tar', type: '4' })], /is a block device/],
  'a named pipe': [[header({ name: 'a.tar', type: '6' })], /is a named pipe/],
  'a contiguous file': [[header({ name: 'a.tar', type: '7' })], /is a contiguous file/],
  'a sparse file': [[header({ name: 'a.tar', type: 'S', magic: GNU })], /is a sparse file/],
  'an unknown type': [[header({ name: 'a.tar', type: 'Z' })], /of an unknown type/],
  'a global extended header': [[file('g', '9 path=x\n', { type: 'g' }), pod], /is a global extended header/],
  'a long link name': [[file('././@LongLink', 'x\0', { type: 'K', magic: GNU }), pod], /is a long link name/],
  'a directory': [[header({ name: 'd/', type: '5' })], /is a directory, not a regular file/],
  'a directory called like a pod': [[header({ name: 'a.tar', type: '5' })], /is a directory/],
  'a root with content': [
    [header({ name: './', type: '5', sizeBytes: 512 }), Buffer.alloc(512)],
    /directory with content/,
  ],
  'the root twice': [[header({ name: './', type: '5' }), header({ name: './', type: '5' })], /is there twice/],
  'a pod twice': [[pod, file('a.tar', 'xyz')], /member "a\.tar" is there twice/],
  'a pod twice, once with ./': [[pod, file('./a.tar', 'xyz')], /is there twice/],
  'a manifest twice': [[file('checkpointed.pods', '1'), file('checkpointed.pods', '2')], /is there twice/],
  'a wrong checksum': [[file('a.tar', '', { checksumField: '000000\0 ' })], /wrong checksum/],
  'an empty checksum': [[file('a.tar', '', { checksumField: '\0'.repeat(8) })], /wrong checksum/],
  'an unknown magic': [[file('a.tar', '', { magic: 'ustar\x0099' })], /unknown kind/],
  'an empty size': [[file('a.tar', '', { sizeField: Buffer.alloc(12) })], /size that is no number/],
  'a size with letters': [[file('a.tar', '', { sizeField: '0000000zz\0' })], /size that is no number/],
  'a negative size': [[file('a.tar', '', { sizeField: base256(-1n) })], /size that is no number/],
  'a size beyond 2^53': [[file('a.tar', '', { sizeField: base256(2n ** 60n) })], /size that is no number/],
  'a size that ends beyond 2^53': [[file('a.tar', '', { sizeField: base256(2n ** 53n - 1n) })], /ends beyond 2\^53-1/],
  'a broken time': [[file('a.tar', '', { timeField: 'soon' })], /a time that is none/],
  'a time beyond all dates': [[file('a.tar', '', { timeField: base256(2n ** 50n) })], /a time that is none/],
  'another name in the extended header': [
    [pax({ path: 'b.tar' }), pod],
    /member "b\.tar" is called "a\.tar" in its plain/,
  ],
  'a way up in the extended header': [[pax({ path: '../../b.tar' }), pod], /is called "a\.tar"/],
  'a long name over another name': [[pax({ path: LONG }), pod], /is called "a\.tar" in its plain header/],
  'a GNU long name over another name': [[longName(LONG), pod], /is called "a\.tar" in its plain header/],
  'a short GNU long name': [[longName('b.tar'), pod], /member "b\.tar" is called "a\.tar"/],
  'a GNU long name without its own name': [[file('x', `${LONG}\0`, { type: 'L', magic: GNU }), pod], /not called/],
  'a GNU long name without an end': [
    [file('././@LongLink', 'abc', { type: 'L', magic: GNU }), pod],
    /broken long name/,
  ],
  'another size in the extended header': [[pax({ size: '2' }), pod], /has 3 bytes in its header and 2 in its extended/],
  'a large size over a small one': [[pax({ size: '8589934592' }), pod], /has 3 bytes in its header and 8589934592/],
  'a sparse file by extended header': [[pax({ 'GNU.sparse.realsize': '10' }), pod], /not allowed here/],
  'two extended headers': [[pax({ mtime: '1' }), pax({ mtime: '2' }), pod], /second extended header/],
  'an extended header and a long name': [[pax({ path: LONG }), longName(LONG), pod], /second extended header/],
  'an extended header before the end': [[pod, pax({ mtime: '1' })], /stands before its end/],
  'an empty extended header': [[header({ name: 'x', type: 'x' }), pod], /empty extended header/],
  'an endless extended header': [[header({ name: 'x', type: 'x', sizeBytes: 2 ** 30 })], /more than 1 MiB/],
  'an extended header padded with more': [
    [header({ name: 'x', type: 'x', sizeBytes: 11 }), Buffer.from('11 mtime=1\n'.padEnd(512, 'x')), pod],
    /padded with other than zeros/,
  ],
  'a directory named in an extended header': [
    [pax({ path: `${'d'.repeat(120)}/` }), header({ name: 'd'.repeat(100), type: '5' })],
    /is a directory/,
  ],
  'a lone zero block': [[pod, Buffer.alloc(512), file('b.tar', '')], /lone zero block/],
  'a member after the end': [[pod, END, file('b.tar', '')], /something else follows its end/],
  'bytes far after the end': [[pod, END, Buffer.alloc(4096), Buffer.from('x')], /something else follows its end/],
  'endless zeros after the end': [[pod, END, Buffer.alloc(1024 * 1024 + 1)], /more than 1048576 bytes follow/],
};

for (const [what, [parts, reason]] of Object.entries(REFUSED)) {
  test(`prevents ${what}`, async () => {
    const tar = Buffer.concat([...parts, END]);
    const expected = { code: 'invalid-archive', message: reason };
    await assert.rejects(walked(tar), expected);
    for (const size of [1, 321, 4096])
      assert.throws(() => guarded(tar.subarray(0, 2_000_000), size), expected, `${size}`);
  });
}

test('prevents content padded with other than zeros', () => {
  const tar = Buffer.concat([header({ name: 'a.tar', sizeBytes: 3 }), Buffer.from('abc'.padEnd(512, 'x')), END]);
  assert.throws(() => guarded(tar, 100), { message: /member "a\.tar" is padded with other than zeros/ });
});

test('a tar cut off anywhere before its end says that it ends early', async () => {
  const tar = Buffer.concat([
    file('checkpointed.pods', '{}'),
    pax({ mtime: '1' }),
    file('a.tar', 'x'.repeat(700)),
    END,
  ]);
  for (let length = 0; length < tar.length; length += 1) {
    if (length % 512 > 2 && length % 512 < 510) continue;
    const expected = { code: 'invalid-archive', message: /ends early/ };
    const guardedSays = length < 512 ? { message: /is no checkpoint archive/ } : expected;
    assert.throws(() => guarded(tar.subarray(0, length), 4096), guardedSays, `${length}`);
    await assert.rejects(walked(tar.subarray(0, length)), expected, `${length}`);
  }
  assert.deepEqual(guarded(tar, 4096), ['checkpointed.pods 2', 'a.tar 700']);
});

test('prevents more members than any bundle has', () => {
  const walk = new TarWalk('test.tar');
  const block = header({ name: 'p000000.tar' });
  const zeros = Number.parseInt(block.toString('latin1', 148, 154), 8);
  for (let i = 0; i < MAX_MEMBERS; i++) {
    const digits = String(i).padStart(6, '0');
    const sum = [...digits].reduce((total, digit) => total + Number(digit), zeros);
    block.write(digits, 1, 'latin1');
    block.write(sum.toString(8).padStart(6, '0'), 148, 'latin1');
    walk.feed(block);
  }
  assert.throws(() => walk.feed(header({ name: 'one-more.tar' })), { message: /more than 100000 members/ });
});

test('sizes over 8 GiB are right in base-256 and in an extended header', () => {
  const size = 9 * 2 ** 30 + 5;
  for (const headers of [
    [header({ name: 'a.tar', sizeField: base256(BigInt(size)) })],
    [pax({ size: String(size) }), header({ name: 'a.tar', sizeBytes: 0 })],
    [pax({ size: String(size) }), header({ name: 'a.tar', sizeField: '77777777777\0' })],
  ]) {
    const walk = new TarWalk('test.tar');
    const bytes = Buffer.concat(headers);
    let step = walk.feed(bytes.subarray(0, 512));
    for (let at = 512; at < bytes.length; at += 512) step = walk.feed(bytes.subarray(at, at + 512));
    assert.equal(step.kind === 'member' && step.member.sizeBytes, size);
    assert.equal(walk.offset, bytes.length + 9 * 2 ** 30 + 512);
  }
});

test('whatever a block holds, it is read or refused', () => {
  const flips = fc.array(fc.tuple(fc.nat(2047), fc.nat(255)), { maxLength: 6 });
  const tar = Buffer.concat([pax({ path: LONG }), padded(header({ name: 'PaxHeader' })), END]);
  fc.assert(
    fc.property(flips, fc.boolean(), (changes, repair) => {
      const bytes = Buffer.from(tar);
      for (const [at, value] of changes) bytes[at] = value;
      if (repair) {
        const sum = bytes.subarray(0, 512).reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 32 : byte), 0);
        bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
      }
      try {
        guarded(bytes, 512);
      } catch (error) {
        assert.ok(isPodfreightError(error, 'invalid-archive'), String(error));
      }
    }),
  );
});
