import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HeaderWalk } from '../../../core/archive/header-walk.ts';
import { isPodfreightError } from '../../../core/errors.ts';
import { base256, END, file, header, longName, pax } from './tar-sample.ts';

const LONG = `checkpoint/${'b'.repeat(120)}.img`;
const GNU = 'ustar  \0';

/** Name, kind and size of every member. */
function walked(tar: Buffer): string[] {
  const walk = new HeaderWalk('test.tar');
  const seen: string[] = [];
  for (;;) {
    const step = walk.feed(tar.subarray(walk.offset, walk.offset + 512));
    if (step.kind === 'end') return seen;
    if (step.kind === 'member') seen.push(`${step.member.name} ${step.member.kind} ${step.member.sizeBytes}`);
  }
}

const longLink = file('././@LongLink', `${LONG}\0`, { type: 'K', magic: GNU });

const ALLOWED: Record<string, readonly [tar: Buffer[], members: string[]]> = {
  'what a container archive is made of': [
    [
      header({ name: 'checkpoint/', type: '5' }),
      file('checkpoint/pages-1.img', 'abc'),
      header({ name: 'checkpoint/parent', type: '2', linkName: '../pre-checkpoint' }),
      file('./config.dump', '{}'),
    ],
    ['checkpoint/ directory 0', 'checkpoint/pages-1.img file 3', 'checkpoint/parent symlink 0', 'config.dump file 2'],
  ],
  'every other kind': [
    [
      header({ name: 'h', type: '1', linkName: 'x' }),
      header({ name: 'c', type: '3' }),
      header({ name: 'b', type: '4' }),
      header({ name: 'p', type: '6' }),
      header({ name: 'old/', type: '\0', magic: '\0'.repeat(8) }),
    ],
    ['h hard-link 0', 'c character-device 0', 'b block-device 0', 'p fifo 0', 'old/ directory 0'],
  ],
  'hostile names, which are only listed': [
    [file('../../etc/passwd', 'a'), file('/x', ''), file('a\n\x1b[2J', '')],
    ['../../etc/passwd file 1', '/x file 0', 'a\n\x1b[2J file 0'],
  ],
  'a name twice': [
    [file('a', '1'), file('a', '22')],
    ['a file 1', 'a file 2'],
  ],
  'long names and link targets of GNU tar': [
    [longLink, longName(LONG), header({ name: LONG.slice(0, 100), type: '2', magic: GNU })],
    [`${LONG} symlink 0`],
  ],
  'an extended header with a link target': [
    [pax({ linkpath: LONG, mtime: '1.5' }), header({ name: 'l', type: '2' })],
    ['l symlink 0'],
  ],
  'a name of Go that is not ASCII': [[pax({ path: 'caf\xc3\xa9/x' }), file('caf/x', '')], ['caf\xc3\xa9/x file 0']],
  'a long name in an extended header': [[pax({ path: LONG }), file(LONG.slice(0, 100), 'a')], [`${LONG} file 1`]],
  'a size in base-256': [[file('a', 'abc', { sizeField: base256(3n) })], ['a file 3']],
};

for (const [what, [parts, members]] of Object.entries(ALLOWED)) {
  test(`allows ${what}`, () => assert.deepEqual(walked(Buffer.concat([...parts, END])), members));
}

const REFUSED: Record<string, readonly [tar: Buffer[], reason: RegExp]> = {
  'a wrong checksum': [[file('a', '', { checksumField: '000000\0 ' })], /wrong checksum/],
  'a broken size': [[file('a', '', { sizeField: '0000000zz\0' })], /size that is no number/],
  'a size that ends beyond 2^53': [[file('a', '', { sizeField: base256(2n ** 53n - 1n) })], /ends beyond 2\^53-1/],
  'a symbolic link with content': [
    [header({ name: 'a', type: '2', sizeBytes: 512 }), Buffer.alloc(512)],
    /is a symbolic link with content/,
  ],
  'a directory with content': [[file('a/', 'x')], /is a directory with content/],
  'a global extended header': [[file('g', '9 path=x\n', { type: 'g' })], /is a global extended header/],
  'a sparse file': [[header({ name: 'a', type: 'S', magic: GNU })], /is a sparse file/],
  'a sparse file by extended header': [[pax({ 'GNU.sparse.realsize': '9' }), file('a', '')], /not allowed here/],
  'another name in the extended header': [[pax({ path: 'config.dump' }), file('a', '')], /is called "a" in its plain/],
  'another size in the extended header': [[pax({ size: '2' }), file('a', 'abc')], /has 3 bytes in its header and 2/],
  'an extended header and a long name': [
    [pax({ path: LONG }), longName(LONG), file('a', '')],
    /second extended header/,
  ],
  'two long names': [[longName(LONG), longName(LONG), file(LONG.slice(0, 100), '')], /second extended header/],
  'a lone zero block': [[Buffer.alloc(512), file('a', '')], /lone zero block/],
  'an extended header before the end': [[pax({ mtime: '1' })], /stands before its end/],
  'an endless extended header': [[header({ name: 'x', type: 'x', sizeBytes: 2 ** 30 })], /more than 1 MiB/],
};

for (const [what, [parts, reason]] of Object.entries(REFUSED)) {
  test(`refuses ${what}`, () => {
    assert.throws(
      () => walked(Buffer.concat([...parts, END])),
      (error: unknown) => {
        assert.ok(isPodfreightError(error, 'invalid-archive'));
        assert.match(error.message, reason);
        return true;
      },
    );
  });
}

test('what a tar is made of is what the walk finds', () => {
  const name = fc
    .stringMatching(/^[!-.0-~][!-~]{0,130}$/)
    .filter((text) => !text.startsWith('./') && !text.endsWith('/'));
  const member = fc.record({ name, content: fc.uint8Array({ maxLength: 2000 }), type: fc.constantFrom('0', '2', '5') });
  fc.assert(
    fc.property(fc.array(member, { maxLength: 20 }), (members) => {
      const parts = members.flatMap(({ name, content, type }) => {
        const headers = name.length > 100 ? [pax({ path: name })] : [];
        return [...headers, file(name.slice(0, 100), type === '0' ? Buffer.from(content) : '', { type })];
      });
      const expected = members.map(({ name, content, type }) => {
        return type === '0' ? `${name} file ${content.length}` : `${name} ${type === '2' ? 'symlink' : 'directory'} 0`;
      });
      assert.deepEqual(walked(Buffer.concat([...parts, END])), expected);
    }),
  );
});

test('any damage to a header is noticed, or leaves names, kinds and sizes as they were', () => {
  const tar = Buffer.concat([file('config.dump', 'abc'), header({ name: 'l', type: '2' }), END]);
  const whole = walked(tar);
  fc.assert(
    fc.property(fc.nat({ max: 511 }), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const damaged = Buffer.from(tar);
      damaged[at]! ^= flip;
      try {
        assert.deepEqual(walked(damaged), whole);
      } catch (error) {
        assert.ok(isPodfreightError(error, 'invalid-archive'), String(error));
      }
    }),
  );
});
