import {
  type Lands,
  lands,
  type ManifestCase,
  type ManifestGroup,
  refusedManifest as refused,
} from './manifest-case.ts';

const text = (value: unknown) => JSON.stringify(value);
const pods = (...entries: readonly unknown[]) => Buffer.from(text({ version: 0, CheckpointedPods: entries }));
const pod = (fields: object) => pods({ SandboxID: 'a1', ...fields });
const container = (fields: object) => pod({ Containers: [fields] });

/** A pod with that SandboxID; as shown in the message. */
function sandbox(title: string, sandboxId: string, shown = text(sandboxId)): ManifestCase {
  return {
    name: title,
    bytes: pods({ SandboxID: sandboxId }),
    verdict: refused(`CheckpointedPods[0] has the SandboxID ${shown}, which cannot be a file name`, {
      isReadable: true,
    }),
  };
}

function hostile(name: string, bytes: Buffer | string, reason: string): ManifestCase {
  return { name, bytes: Buffer.from(bytes as string), verdict: refused(reason) };
}

function benign(name: string, bytes: Buffer | string, verdict: Lands = lands('a1')): ManifestCase {
  return { name, bytes: Buffer.from(bytes as string), verdict };
}

const NO_ID = refused('CheckpointedPods[0] has no SandboxID', { isReadable: true });
const TWICE = refused('CheckpointedPods[1] has the same SandboxID a1 as CheckpointedPods[0]', { isReadable: true });
const GOOD = text({ version: 0, CheckpointedPods: [{ SandboxID: 'a1', Containers: [] }] });

/** The good manifest with `inserted` before its first key. */
const before = (inserted: string) => GOOD.replace('{', () => `{${inserted},`);

export const sandboxIds: ManifestGroup = {
  title: 'SandboxIDs',
  cases: [
    sandbox('`../victim`, with which the first checkpointctl deletes a file', '../victim'),
    sandbox('`/etc/x`', '/etc/x'),
    sandbox('`d/x`', 'd/x'),
    sandbox('`..\\x`', '..\\x'),
    sandbox('`.`', '.'),
    sandbox('`..`', '..'),
    sandbox('`.podfreight`', '.podfreight'),
    sandbox('`-rf`', '-rf'),
    sandbox('`~root`', '~root'),
    sandbox('`$(reboot)`', '$(reboot)'),
    sandbox('`%2e%2e%2fx`', '%2e%2e%2fx'),
    sandbox('`__proto__`', '__proto__'),
    sandbox('`a1 `', 'a1 '),
    sandbox('a line end', 'a1\n'),
    sandbox('a NUL', 'a1\0/../x'),
    sandbox('a terminal escape', '\x1b[2Jx'),
    sandbox('a C1 control character', 'x\x9b2J', '"x\\u009b2J"'),
    sandbox('a right-to-left override', '\u202ex', '"\\u202ex"'),
    sandbox('a zero-width space', 'a1\u200b', '"a1\\u200b"'),
    sandbox('a Cyrillic а', '\u04301', '"\\u04301"'),
    sandbox('half a character', '\ud800x', '"\\ufffdx"'),
    sandbox('129 characters', 'a'.repeat(129), text('a'.repeat(128))),
    sandbox('a million characters', '/'.repeat(1_000_000), text('/'.repeat(128))),
    { name: 'an empty SandboxID', bytes: pods({ SandboxID: '' }), verdict: NO_ID },
    { name: 'no SandboxID', bytes: pods({ 'io.kubernetes.pod.name': 'x' }), verdict: NO_ID },
    { name: 'a SandboxID that is null', bytes: pods({ SandboxID: null }), verdict: NO_ID },
    { name: 'a pod that is null', bytes: pods(null), verdict: NO_ID },
    {
      name: 'the same SandboxID twice',
      bytes: pods(
        { SandboxID: 'a1', 'io.kubernetes.pod.name': 'x' },
        { SandboxID: 'a1', 'io.kubernetes.pod.name': 'y' },
      ),
      verdict: TWICE,
    },
    {
      name: 'the same pod twice',
      bytes: pods({ SandboxID: 'a1' }, { SandboxID: 'a1' }),
      verdict: TWICE,
      onlyArchived: true,
    },
    {
      name: 'a good SandboxID, then `../x` under `sandboxid` in the same pod: Go reads the last',
      bytes: Buffer.from('{"CheckpointedPods":[{"SandboxID":"a1","sandboxid":"../x"}]}'),
      verdict: refused('CheckpointedPods[0] has the SandboxID "../x", which cannot be a file name', {
        isReadable: true,
      }),
    },
    {
      name: 'the same with a long s, which Go takes for an s',
      bytes: Buffer.from('{"CheckpointedPods":[{"SandboxID":"a1","ſandboxID":"../x"}]}'),
      verdict: refused('CheckpointedPods[0] has the SandboxID "../x", which cannot be a file name', {
        isReadable: true,
      }),
    },
    hostile(
      'a SandboxID that is a number',
      pods({ SandboxID: 1 }),
      'CheckpointedPods[0].SandboxID must be a string, not the number 1',
    ),
    hostile(
      'a SandboxID that is an array',
      pods({ SandboxID: ['a1'] }),
      'CheckpointedPods[0].SandboxID must be a string, not an array',
    ),
    hostile(
      'a SandboxID that is an object',
      pods({ SandboxID: { toString: 'a1' } }),
      'CheckpointedPods[0].SandboxID must be a string, not an object',
    ),
    hostile(
      'a SandboxID that is true',
      pods({ SandboxID: true }),
      'CheckpointedPods[0].SandboxID must be a string, not a boolean',
    ),
    benign(
      '`../x` under `sandboxid`, then a good SandboxID',
      '{"CheckpointedPods":[{"sandboxid":"../x","SandboxID":"a1"}]}',
    ),
    benign('SandboxIDs that differ in capitals', pods({ SandboxID: 'a1' }, { SandboxID: 'A1' }), lands('a1', 'A1')),
    benign('the SandboxID `constructor`', pods({ SandboxID: 'constructor' }), lands('constructor')),
    benign('a SandboxID of digits', pods({ SandboxID: '0' }), lands('0')),
    benign('96 characters', pods({ SandboxID: 'a'.repeat(96) }), lands('a'.repeat(96))),
  ],
};

const deep = (levels: number) => `"x":${'['.repeat(levels)}${']'.repeat(levels)}`;
const MIB_16 = 16 * 1024 * 1024;

export const json: ManifestGroup = {
  title: 'JSON',
  cases: [
    hostile('an empty file', '', 'its JSON has an early end at byte 0'),
    hostile('spaces', '   ', 'its JSON has an early end at byte 3'),
    hostile('a byte order mark', `\ufeff${GOOD}`, 'its JSON has a byte order mark at byte 0'),
    hostile('UTF-16', Buffer.from(GOOD, 'utf16le'), 'its JSON has an unexpected "\\u0000" at byte 1'),
    hostile(
      'UTF-16 with a byte order mark',
      Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(GOOD, 'utf16le')]),
      'its JSON has invalid UTF-8 at byte 0',
    ),
    hostile(
      'a byte that is not UTF-8',
      Buffer.from(before('"x":"\xff"'), 'latin1'),
      'its JSON has invalid UTF-8 at byte 6',
    ),
    hostile(
      'an overlong slash',
      Buffer.from(before('"x":"..\xc0\xaf"'), 'latin1'),
      'its JSON has invalid UTF-8 at byte 8',
    ),
    hostile(
      'a surrogate in UTF-8',
      Buffer.from(before('"x":"\xed\xa0\x80"'), 'latin1'),
      'its JSON has invalid UTF-8 at byte 6',
    ),
    hostile(
      'a character cut off at the end',
      Buffer.from(`${GOOD}\xf0\x9f`, 'latin1'),
      `its JSON has invalid UTF-8 at byte ${GOOD.length}`,
    ),
    hostile('a second document', GOOD + GOOD, `its JSON has data after the end at byte ${GOOD.length}`),
    hostile(
      'a shell script behind',
      `${GOOD}\n#!/bin/sh`,
      `its JSON has data after the end at byte ${GOOD.length + 1}`,
    ),
    hostile('a NUL behind', `${GOOD}\0`, `its JSON has data after the end at byte ${GOOD.length}`),
    hostile('cut off', GOOD.slice(0, -1), `its JSON has an early end at byte ${GOOD.length - 1}`),
    hostile('cut off in a string', GOOD.slice(0, 8), 'its JSON has an unfinished string at byte 1'),
    hostile('a comma too many', `{"CheckpointedPods":[],}`, 'its JSON has an unexpected "}" at byte 23'),
    hostile('a comment', `/* */${GOOD}`, 'its JSON has an unexpected "/" at byte 0'),
    hostile('single quotes', `{'CheckpointedPods':[]}`, 'its JSON has an unexpected "\'" at byte 1'),
    hostile('a key without quotes', '{CheckpointedPods:[]}', 'its JSON has an unexpected "C" at byte 1'),
    hostile('a line end in a string', before('"x":"a\nb"'), 'its JSON has a control character in a string at byte 7'),
    hostile(
      'an escape character in a string',
      before('"x":"\x1b[2J"'),
      'its JSON has a control character in a string at byte 6',
    ),
    hostile('an unknown escape', before('"x":"\\x41"'), 'its JSON has a string with a malformed escape at byte 5'),
    hostile('half an escape', before('"x":"\\u12"'), 'its JSON has a string with a malformed escape at byte 5'),
    hostile('NaN', before('"x":NaN'), 'its JSON has an unexpected "N" at byte 5'),
    hostile('a number with a leading zero', before('"x":01'), 'its JSON has a malformed number at byte 5'),
    hostile('a hexadecimal number', before('"x":0x10'), 'its JSON has an unexpected "x" at byte 6'),
    hostile('a number with a plus', before('"x":+1'), 'its JSON has a malformed number at byte 5'),
    hostile('65 levels', before(deep(64)), 'its JSON has more than 64 levels at byte 68'),
    hostile('a million levels', before(deep(1_000_000)), 'its JSON has more than 64 levels at byte 68'),
    {
      ...hostile(
        'a million and one values',
        before(`"x":[${'0,'.repeat(1_000_000)}0]`),
        'its JSON has more than 1000000 values at byte 2000002',
      ),
      slow: true,
    },
    {
      ...hostile('16 MiB and a byte', GOOD.padEnd(MIB_16 + 1), 'it has 16777217 bytes, and 16777216 are the limit'),
      archived: 'The archive X is refused: member "checkpointed.pods" is longer than 16777216 bytes.',
    },
    benign('white space around', `\r\n\t ${GOOD}\n\n`),
    benign('escapes for letters', GOOD.replace('SandboxID', '\\u0053andbox\\u0049D')),
    benign('64 levels', before(deep(63))),
    benign('a number of a thousand digits where nobody looks', before(`"x":${'9'.repeat(1000)}`)),
    benign('keys in capitals, as Go accepts them', GOOD.toUpperCase().replace('"A1"', '"a1"')),
    benign('the document `null`, which Go reads as an empty manifest', 'null', lands()),
    benign('pods that are null', '{"CheckpointedPods":null}', lands()),
    benign('an empty object', '{}', lands()),
    benign(
      'pods twice: the last list counts',
      '{"CheckpointedPods":[{"SandboxID":"../x"}],"checkpointedpods":[{"SandboxID":"a1"}]}',
    ),
    benign('the key `__proto__`', before('"__proto__":{"pods":[],"polluted":true}')),
    benign('the key `__proto__` in a pod', GOOD.replace('"SandboxID"', '"__proto__":{"sandboxId":"../x"},"SandboxID"')),
    benign(
      'the keys `constructor`, `toString` and `hasOwnProperty`',
      before('"constructor":{},"toString":1,"hasOwnProperty":null'),
    ),
    benign('an empty key', before('"":1')),
  ],
};

const VERSION = 'version must be a 64-bit integer, not';

export const values: ManifestGroup = {
  title: 'Values',
  cases: [
    hostile('an array', '[]', 'it must be an object, not an array'),
    hostile('a string', '"x"', 'it must be an object, not a string'),
    hostile('a number', '1', 'it must be an object, not the number 1'),
    hostile('true', 'true', 'it must be an object, not a boolean'),
    hostile(
      'pods that are an object',
      '{"CheckpointedPods":{"0":{"SandboxID":"a1"}}}',
      'CheckpointedPods must be an array, not an object',
    ),
    hostile('pods that are a string', '{"CheckpointedPods":"a1"}', 'CheckpointedPods must be an array, not a string'),
    hostile('a pod that is a string', pods('a1'), 'CheckpointedPods[0] must be an object, not a string'),
    hostile('a pod that is an array', pods(['a1']), 'CheckpointedPods[0] must be an object, not an array'),
    hostile('a version in quotes', '{"version":"0"}', `${VERSION} a string`),
    hostile('a version with a fraction', '{"version":0.5}', `${VERSION} the number 0.5`),
    hostile('a version with an exponent', '{"version":1e3}', `${VERSION} the number 1e3`),
    hostile('a version of 2^63', '{"version":9223372036854775808}', `${VERSION} the number 9223372036854775808`),
    hostile(
      'a version of a million digits',
      `{"version":${'9'.repeat(1_000_000)}}`,
      `${VERSION} the number ${'9'.repeat(40)}`,
    ),
    hostile('a version that is an object', '{"version":{}}', `${VERSION} an object`),
    hostile(
      'a grace period of 2^63',
      pod({})
        .toString()
        .replace('"SandboxID"', '"io.kubernetes.pod.terminationGracePeriod":9223372036854775808,"SandboxID"'),
      'CheckpointedPods[0]."io.kubernetes.pod.terminationGracePeriod" must be a 64-bit integer, not the number 9223372036854775808',
    ),
    hostile(
      'a restart count of 2^31',
      container({ 'io.kubernetes.container.restartCount': 2 ** 31 }),
      'CheckpointedPods[0].Containers[0]."io.kubernetes.container.restartCount" must be a 32-bit integer, not the number 2147483648',
    ),
    hostile(
      'a name that is an array',
      pod({ 'io.kubernetes.pod.name': ['x'] }),
      'CheckpointedPods[0]."io.kubernetes.pod.name" must be a string, not an array',
    ),
    hostile(
      'a namespace that is a number',
      pod({ 'io.kubernetes.pod.namespace': 0 }),
      'CheckpointedPods[0]."io.kubernetes.pod.namespace" must be a string, not the number 0',
    ),
    hostile(
      'containers that are an object',
      pod({ Containers: {} }),
      'CheckpointedPods[0].Containers must be an array, not an object',
    ),
    hostile(
      'an image that is an object',
      container({ Image: {} }),
      'CheckpointedPods[0].Containers[0].Image must be a string, not an object',
    ),
    hostile(
      'addresses that are a string',
      pod({ podIPs: '10.0.0.1' }),
      'CheckpointedPods[0].podIPs must be an array, not a string',
    ),
    hostile(
      'an address that is a number',
      pod({ podIPs: [10] }),
      'CheckpointedPods[0].podIPs[0] must be a string, not the number 10',
    ),
    benign('a version of -2^63', before('"version":-9223372036854775808').replace(',"version":0', '')),
    benign('containers that are null', pod({ Containers: null })),
    benign('a container that is null', pod({ Containers: [null] })),
    benign('addresses with one that is null', pod({ podIPs: [null, '10.0.0.1'] })),
    benign('terminal escapes in name, namespace and image', pod(names('\x1b[2J\x1b]0;x\x07\x9b2J\r'))),
    benign('right-to-left overrides in name, namespace and image', pod(names('\u202ecod.exe\u2066\u200b'))),
    benign('line ends that could forge a row of the table', pod(names('x |\n| fake | row'))),
    benign('NULs in name, namespace and image', pod(names('a\0b'))),
    benign(
      'halves of characters in name, namespace and image',
      pod({ ...names('HALF') })
        .toString()
        .replaceAll('HALF', '\\ud800\\udfffx\\udc00'),
    ),
    benign('private and unassigned characters, tags, Braille blanks', pod(names('\ue000\u{e0041}\u0378\u2800\u3164'))),
    benign('names of 253 bytes', pod(names('n'.repeat(253)))),
    {
      ...benign('a name of a million bytes', pod(names('n'.repeat(1_000_000)))),
      catalogue:
        'Pod a1 has a name of more than 253 or an image or runtime of more than 512 bytes, which the catalogue does not hold.',
    },
    {
      slow: true,
      ...benign('10,000 containers', pod({ Containers: Array(10_000).fill({ Image: 'redis:7', id: 'x' }) })),
      catalogue: 'Pod a1 has a description of more than 200000 bytes, which the catalogue does not hold.',
    },
  ],
};

const ARCHIVES = 'podfreight.containerArchives';
const RECORD = { file: 'a.tar', container: 'a', format: 'tar', sizeBytes: 1 };
const archives = (...records: readonly object[]) =>
  pod({ [ARCHIVES]: records.map((fields) => ({ ...RECORD, ...fields })) });

/** A container archive called so. */
function archive(title: string, name: string, shown = text(name)): ManifestCase {
  return hostile(
    title,
    archives({ file: name }),
    `"${ARCHIVES}" of pod a1 has the file name ${shown}, which is not allowed`,
  );
}

/** Their benign twins are in tars/container-archives.ts: there they are. */
export const containerArchives: ManifestGroup = {
  title: 'Container archives',
  cases: [
    archive('an archive `../a.tar`', '../a.tar'),
    archive('an archive `/etc/a.tar`', '/etc/a.tar'),
    archive('an archive `d/a.tar`', 'd/a.tar'),
    archive('an archive `checkpointed.pods`', 'checkpointed.pods'),
    archive('an archive `.podfreight`', '.podfreight'),
    archive('an archive `.podfreight/lock.tar`', '.podfreight/lock.tar'),
    archive('an archive `.hidden.tar`', '.hidden.tar'),
    archive('an archive `-rf.tar`', '-rf.tar'),
    archive('an archive `$(reboot).tar`', '$(reboot).tar'),
    archive('an archive `a b.tar`', 'a b.tar'),
    archive('an archive `run.sh`', 'run.sh'),
    archive('an archive without a name', ''),
    archive('an archive with a line end', 'a.tar\n'),
    archive('an archive with a NUL', 'a\0.tar'),
    archive('an archive with a terminal escape', '\x1b[2J.tar'),
    archive('an archive with a right-to-left override', '\u202ea.tar', '"\\u202ea.tar"'),
    hostile('an archive twice', archives({}, { container: 'b' }), `"${ARCHIVES}" of pod a1 has the file a.tar twice`),
    hostile(
      'archives that differ in their extensions alone',
      archives({}, { container: 'b', file: 'a.tar.gz' }),
      `"${ARCHIVES}" of pod a1 has the name a twice`,
    ),
    hostile(
      'a container twice',
      archives({}, { file: 'b.tar' }),
      `"${ARCHIVES}" of pod a1 has the container "a" twice`,
    ),
    hostile(
      'a container without a name',
      archives({ container: '' }),
      `"${ARCHIVES}" of pod a1 has a file a.tar without a container`,
    ),
    hostile('no archives', archives(), `"${ARCHIVES}" of pod a1 names no archive`),
    hostile(
      'a digest that is none',
      archives({ sha256: 'A'.repeat(64) }),
      `"${ARCHIVES}" of pod a1 has a broken SHA-256 for a.tar`,
    ),
    hostile(
      'a size of -1',
      archives({ sizeBytes: -1 }),
      `"${ARCHIVES}" of pod a1[0].sizeBytes must be from 0 to 2^53-1`,
    ),
    hostile(
      'archives that are a text',
      pod({ [ARCHIVES]: 'a.tar' }),
      `"${ARCHIVES}" of pod a1 must be an array, not a string`,
    ),
    hostile(
      'archives twice',
      `{"CheckpointedPods":[{"SandboxID":"a1","${ARCHIVES}":[],"${ARCHIVES}":[]}]}`,
      `"${ARCHIVES}" of pod a1 is there twice`,
    ),
    benign('the key in capitals, which is another', pod({ [ARCHIVES.toUpperCase()]: [{ file: '../a.tar' }] })),
  ],
};

/** The same text wherever a table, a message or JSON shows one. */
function names(name: string) {
  return {
    'io.kubernetes.pod.name': name,
    'io.kubernetes.pod.namespace': name,
    'io.kubernetes.pod.uid': name,
    podIP: name,
    Containers: [{ 'io.kubernetes.container.name': name, Image: name, id: name }],
  };
}

/** Every hostile manifest, and the benign ones that look like them. */
export const MANIFEST_GROUPS: readonly ManifestGroup[] = [sandboxIds, json, values, containerArchives];
