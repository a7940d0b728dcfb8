import { type Sabotage, sabotagesOf } from './sabotage.ts';

const HOSTILE = ['test/hostile/tars.test.ts'];
const MANIFESTS = ['test/hostile/manifests.test.ts', 'test/core/manifest/*.test.ts'];
const FLIPS = ['test/hostile/flips.test.ts'];
const ARCHIVE = ['test/core/archive/*.test.ts'];

/** The strict reader of archives and manifests. */
export const READER: readonly Sabotage[] = [
  ...sabotagesOf('core/sandbox-id.ts', HOSTILE, [
    ['a SandboxID may be a path', '  return PATTERN.test(text);\n', "  return text !== '' || PATTERN.test(text);\n"],
  ]),
  ...sabotagesOf('core/archive/tar-walk.ts', HOSTILE, [
    ['member names are not checked', '    if (!isMemberName(name)) {', '    if (false) {'],
    [
      'a member may be there twice',
      "    if (this.#names.has(name)) throw this.#refuse(rawName, 'is there twice');\n",
      '',
    ],
    [
      'the number of members is not bounded',
      '    if (this.#names.size === MAX_MEMBERS)',
      '    if (false)',
      [...HOSTILE, ...ARCHIVE],
    ],
    ['a name in an extended header may contradict', '    if (!cutOff && !ours) throw', '    if (false) throw'],
    [
      'a size in an extended header may contradict',
      '    throw this.#refuse(name, `has ',
      '    if (size >= 0) return size;\n    throw this.#refuse(name, `has ',
    ],
    [
      'extended headers are not bounded',
      '    if (sizeBytes > MAX_EXTENDED_HEADER_BYTES) throw',
      '    if (false) throw',
    ],
    [
      'extended headers may follow each other',
      '    if (this.#isExtended()) throw this.#refuse(name,',
      '    if (false) throw this.#refuse(name,',
    ],
    ['a lone zero block is passed over', '    if (this.#zeroBlocks > 0) throw', '    if (false) throw'],
    [
      'a directory may have a name',
      '    if (!isRoot(name) || this.#pax?.path !== undefined || this.#longName !== undefined) {',
      '    if (false) {',
    ],
  ]),
  ...sabotagesOf('core/archive/tar-header.ts', HOSTILE, [
    [
      'checksums of headers are not checked',
      "  if (!hasValidChecksum(block)) return { refused: 'a tar header has a wrong checksum' };\n",
      '',
    ],
    ['a size may be negative', '  if (sizeBytes === undefined || sizeBytes < 0)', '  if (sizeBytes === undefined)'],
    ['any magic will do', '  if (!ustar && !magic.equals(MAGIC_GNU) && !magic.equals(MAGIC_V7)) {', '  if (false) {'],
    ['a name may go on after its end', '  return isZero(field.subarray(end)) ?', '  return true ?'],
  ]),
  ...sabotagesOf(
    'core/archive/tar-number.ts',
    [...HOSTILE, ...ARCHIVE],
    [
      [
        'numbers may have anything behind them',
        '    if (field[at] !== 0 && field[at] !== SPACE) return undefined;\n',
        '',
      ],
      [
        'numbers may be larger than exact ones',
        '  return Number.isSafeInteger(number) ? number : undefined;',
        '  return number;',
      ],
    ],
  ),
  ...sabotagesOf('core/archive/tar-guard.ts', HOSTILE, [
    ['padding may be anything', '      if (!isZero(bytes.subarray(0, step))) {', '      if (false) {'],
    [
      'the end may be missing',
      '    throw endsEarly(\n      this.#archive,\n      inMember',
      '    if (inMember) throw endsEarly(\n      this.#archive,\n      inMember',
    ],
  ]),
  ...sabotagesOf('core/archive/tar-end.ts', HOSTILE, [
    [
      'anything may follow the end',
      "    else if (!isZero(chunk)) throw this.#refuse('something else follows its end');\n",
      '',
    ],
    ['the zeros behind the end are not bounded', '    if (this.#bytes > limit) throw', '    if (false) throw'],
  ]),
  ...sabotagesOf(
    'core/archive/pax.ts',
    [...HOSTILE, ...ARCHIVE],
    [
      ['any extended header key is allowed', '    if (!ALLOWED_KEYS.has(key) && ', '    if (false && '],
      ['an extended header key may come twice', '    if (values.has(key)) return', '    if (false) return'],
    ],
  ),
  ...sabotagesOf('core/archive/archived-manifest.ts', HOSTILE, [
    [
      'a member may be named by nobody',
      '    if (name !== MANIFEST_NAME && !missing.delete(name)) {',
      '    missing.delete(name);\n    if (false) {',
    ],
    ['a named member may be missing', '  if (first !== undefined) throw', '  if (false) throw'],
    ['SandboxIDs of a manifest are not checked', '  checkManifest(manifest, file);\n', '', [...HOSTILE, ...MANIFESTS]],
    [
      'the manifest is not bounded',
      '  if (member.sizeBytes > JSON_BYTES_MAX) {',
      '  if (false) {',
      [...HOSTILE, ...MANIFESTS, ...ARCHIVE],
    ],
  ]),
  ...sabotagesOf(
    'core/archive/member-reader.ts',
    [...FLIPS, ...HOSTILE],
    [
      ['digests are not checked', '      if ((await digests.sha256()) !== member.sha256) {', '      if (false) {'],
      ['headers may differ from the index', '    if (agrees) return;\n    break;', '    return;'],
      ['padding may be anything, with an index', '  if (!isZero(bytes.subarray(end))) throw', '  if (false) throw'],
    ],
  ),
  ...sabotagesOf('core/archive/indexed-archive.ts', HOSTILE, [
    [
      'the pods of an index may be others than the manifest names',
      '    checkSamePods(manifest, names, this.name);\n',
      '',
    ],
    ['the end of an indexed archive is not looked at', '    await this.#checkEnd();\n', '', [...FLIPS, ...HOSTILE]],
  ]),
  ...sabotagesOf('core/archive/unindexed-archive.ts', HOSTILE, [
    [
      'the pods of an archive may be others than the manifest names',
      '    checkSamePods(found.manifest, names, this.name);\n',
      '',
    ],
  ]),
  ...sabotagesOf('core/archive/index-json.ts', HOSTILE, [
    ['an index may name a member twice', '      !names.has(member.name) &&\n', ''],
    ['ranges of an index may overlap', '      member.wire.start === (members.at(-1)?.wire.end ?? 0);', '      true;'],
    [
      'names of an index are not checked',
      '(name !== MANIFEST_NAME && sandboxIdOfFileName(name) === undefined)',
      'false',
    ],
  ]),
  ...sabotagesOf(
    'core/archive/index.ts',
    [...HOSTILE, ...FLIPS],
    [
      ['an index may end before the end', '  if (!endFits) throw', '  if (false) throw'],
      ['seek table and index may differ', '    if (!agrees) throw', '    if (false) throw'],
    ],
  ),
  ...sabotagesOf(
    'core/archive/index-frame.ts',
    [...FLIPS, ...HOSTILE],
    [
      [
        "an index's checksum is not checked",
        '  if (crc32(text) !== frame.readUInt32LE(footer + FOOTER.jsonCrc32)) {',
        '  if (false) {',
      ],
    ],
  ),
  ...sabotagesOf(
    'core/archive/decode-gzip.ts',
    [...HOSTILE, ...ARCHIVE],
    [['anything may follow gzip data', '  if (!allFed || decoder.bytesWritten !== fedBytes)', '  if (false)']],
  ),
  ...sabotagesOf(
    'core/archive/frame-walk.ts',
    [...HOSTILE, ...ARCHIVE],
    [
      ['zstd windows are not bounded', '    if (window > 2 ** MAX_WINDOW_LOG) throw', '    if (false) throw'],
      [
        'anything may follow zstd frames',
        "      throw invalidArchive(this.#archive, 'something that is no zstd frame follows its zstd frames');",
        "      this.kind = 'skippable';\n      this.#want('skippable-size', SKIPPABLE_HEADER_BYTES);",
      ],
    ],
  ),
  ...sabotagesOf('core/manifest/manifest.ts', MANIFESTS, [
    ['a SandboxID may come twice', '    if (first !== undefined) {', '    if (false) {'],
    ['a SandboxID may be no file name', '    if (!isSandboxId(sandboxId)) {', '    if (false) {'],
  ]),
  ...sabotagesOf('core/manifest/json.ts', MANIFESTS, [
    ['JSON may be invalid UTF-8', '  if (!isUtf8(buffer)) throw', '  if (false) throw'],
    [
      'JSON may begin with a byte order mark',
      '    if (this.#bytes.indexOf(BYTE_ORDER_MARK) === 0) throw',
      '    if (this.#bytes.indexOf(BYTE_ORDER_MARK) === 0) this.#at = 3;\n    if (false) throw',
    ],
    ['JSON may go on after its end', '    if (this.#at < this.#bytes.length) throw', '    if (false) throw'],
    ['JSON may nest without an end', '    if (++this.#depth > JSON_DEPTH_MAX) throw', '    if (false) throw'],
    ['JSON may have any number of values', '    if (++this.#values > JSON_VALUES_MAX) throw', '    if (false) throw'],
  ]),
  ...sabotagesOf(
    'cli/safe-text.ts',
    ['test/cli/safe-text.test.ts'],
    [['names reach the terminal as they are', '  return text.replace(', '  return true ? text : text.replace(']],
  ),
  ...sabotagesOf(
    'cli/output.ts',
    ['test/hostile/command-line.test.ts', 'test/cli/output.test.ts'],
    [['messages reach the terminal as they are', 'safeText(sentence)', 'sentence']],
  ),
];
