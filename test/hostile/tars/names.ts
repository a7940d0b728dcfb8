import { manifestOf } from '../../core/archive/sample.ts';
import { archiveCase, type CaseGroup, lands, refused } from '../case.ts';
import { END, file, GOOD_START, header, longName, manifestFile, pax, podContent, podFile } from '../tar-bytes.ts';

const GNU = 'ustar  \0';
const LONG_ID = 'b'.repeat(120);

const NO_NAME = 'is neither "checkpointed.pods" nor a "<SandboxID>.tar" at the root';

/** A good archive with one more file of that name. */
function named(name: string, shown: string = name) {
  return archiveCase(
    `\`${shown.length > 40 ? `${shown.slice(0, 40)}…` : shown}\``,
    [...GOOD_START, file(name, 'x'), END],
    refused(`member "${shown}" ${NO_NAME}`),
  );
}

/** The same with a title that says more than the name would. */
function entitled(title: string, parts: readonly Buffer[], shown: string) {
  return archiveCase(title, [...GOOD_START, ...parts, END], refused(`member "${shown}" ${NO_NAME}`));
}

export const names: CaseGroup = {
  title: 'Names',
  cases: [
    archiveCase('a manifest and the pod that it names', [...GOOD_START, END], lands('a1')),
    archiveCase(
      'the same with `./` before each name, behind an entry for `./`',
      [
        header({ name: './', type: '5' }),
        file('./checkpointed.pods', manifestOf(['a1'])),
        file('./a1.tar', podContent('a1')),
        END,
      ],
      lands('a1'),
    ),
    named('../x.tar'),
    named('../../../../../../etc/cron.d/x.tar'),
    named('/x.tar'),
    named('/etc/passwd'),
    named('//x.tar'),
    named('./../x.tar'),
    named('.//x.tar'),
    named('././x.tar'),
    named('./x.tar/../../y.tar'),
    named('a1.tar/../../x.tar'),
    named('d/x.tar'),
    named('d/../x.tar'),
    named('.podfreight/lock'),
    named('..\\x.tar', '..\\\\x.tar'),
    named('C:\\x.tar', 'C:\\\\x.tar'),
    named('..'),
    named('...'),
    named('../'),
    named('..tar'),
    named('.tar'),
    named('.hidden.tar'),
    named('-rf.tar'),
    named('~root.tar'),
    named('$HOME.tar'),
    named('x;reboot.tar'),
    named('x y.tar'),
    named('x.tar '),
    named('x.TAR'),
    named('x.tar.gz'),
    named('x.tar/'),
    named('run.sh'),
    named('CHECKPOINTED.PODS'),
    named('checkpointed.pods.bak'),
    named('checkpointed.pods/'),
    named('__proto__.tar'),
    entitled('an empty name', [file('', 'x')], ''),
    entitled('a line end in the name', [file('x\n.tar', 'x')], 'x\\x0a.tar'),
    entitled('a terminal escape in the name', [file('\x1b]0;x\x07\x1b[2J.tar', 'x')], '\\x1b]0;x\\x07\\x1b[2J.tar'),
    entitled('a tab and a backspace in the name', [file('x\t\b.tar', 'x')], 'x\\x09\\x08.tar'),
    entitled('a delete character in the name', [file('x\x7f.tar', 'x')], 'x\\x7f.tar'),
    entitled('a C1 control character in the name', [file('x\x9b2J.tar', 'x')], 'x\\x9b2J.tar'),
    entitled('a quote in the name', [file('x".tar', 'x')], 'x\\".tar'),
    entitled('a name that is not UTF-8', [file('\xff\xfe.tar', 'x')], '\\xff\\xfe.tar'),
    entitled('a name with ä in UTF-8', [utf8('ä.tar')], '\\xc3\\xa4.tar'),
    entitled('a Cyrillic а that looks like a', [utf8('а1.tar')], '\\xd0\\xb01.tar'),
    entitled('a full-width dot pair', [utf8('．．/x.tar')], '\\xef\\xbc\\x8e\\xef\\xbc\\x8e/x.tar'),
    entitled('a slash that is none (U+2215)', [utf8('..∕x.tar')], '..\\xe2\\x88\\x95x.tar'),
    entitled('an overlong UTF-8 slash', [file('..\xc0\xafx.tar', 'x')], '..\\xc0\\xafx.tar'),
    entitled('a right-to-left override', [utf8('x\u202erat.tar')], 'x\\xe2\\x80\\xaerat.tar'),
    entitled('a zero-width space', [utf8('a\u200b1.tar')], 'a\\xe2\\x80\\x8b1.tar'),
    archiveCase(
      'a NUL in the middle: `x.tar`, then `/../y`',
      [...GOOD_START, file('x.tar\0/../y', 'x'), END],
      refused('a name in a tar header goes on after its end'),
    ),
    archiveCase(
      'a NUL in the middle of the prefix',
      [...GOOD_START, file('x.tar', 'x', { prefix: 'd\0/../..' }), END],
      refused('member "x.tar" has a name prefix that goes on after its end'),
    ),
    entitled('`..` as the prefix', [file('x.tar', 'x', { prefix: '..' })], '../x.tar'),
    entitled('`/etc` as the prefix', [file('x.tar', 'x', { prefix: '/etc' })], '/etc/x.tar'),
    entitled('a name of 255 bytes by prefix', [file('x'.repeat(99), 'x', { prefix: 'd'.repeat(155) })], cut('d', 155)),
    entitled('`../` in a GNU long name', [longName(`../${LONG_ID}.tar`), file('../'.padEnd(100, 'b'), 'x')], up()),
    entitled(
      '`../` in an extended header',
      [pax({ path: `../${LONG_ID}.tar` }), file('../'.padEnd(100, 'b'), 'x')],
      up(),
    ),
    entitled(
      'an ID of 129 characters',
      [pax({ path: `${'c'.repeat(129)}.tar` }), file('c'.repeat(100), 'x')],
      tooLong(),
    ),
    entitled('a GNU long name of 60,000 bytes', [longName('e'.repeat(60_000)), file('e'.repeat(100), 'x')], cut('e')),
    archiveCase(
      'an ID of 128 characters, in an extended header',
      [
        manifestFile('f'.repeat(128)),
        pax({ path: `${'f'.repeat(128)}.tar` }),
        file('f'.repeat(100), podContent('f'.repeat(128))),
        END,
      ],
      lands('f'.repeat(128)),
    ),
    archiveCase(
      'an ID of 120 characters, in a GNU long name',
      [
        manifestFile(LONG_ID),
        longName(`${LONG_ID}.tar`),
        file(LONG_ID.slice(0, 100), podContent(LONG_ID), { magic: GNU }),
        END,
      ],
      lands(LONG_ID),
    ),
    archiveCase(
      'IDs with the names of JavaScript’s own properties',
      [manifestFile('constructor', 'toString'), podFile('constructor'), podFile('toString'), END],
      lands('constructor', 'toString'),
    ),
    archiveCase(
      'an ID that ends in `.tar`, and one with two dots inside',
      [manifestFile('x.tar', 'a..b'), podFile('x.tar'), podFile('a..b'), END],
      lands('x.tar', 'a..b'),
    ),
  ],
};

function utf8(name: string): Buffer {
  return file(Buffer.from(name).toString('latin1'), 'x');
}

/** What a message shows of a name of many equal characters. */
function cut(character: string, length = 140): string {
  return `${character.repeat(Math.min(length, 140))}…`;
}

function up(): string {
  return `../${LONG_ID}.tar`;
}

function tooLong(): string {
  return `${'c'.repeat(129)}.tar`;
}
