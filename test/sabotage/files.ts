import { type Sabotage, sabotagesOf } from './sabotage.ts';

const CREATE = ['test/crash/create.test.ts'];
const OUTPUT = ['test/crash/output.test.ts', 'test/cli/new-file.test.ts'];
const DIRECTORY = ['test/cli/kubelet-directory.test.ts'];
const EXTRACT = ['test/e2e/extract.test.ts'];

/** What `extract` and all who read files keep to. */
export const FILES: readonly Sabotage[] = [
  ...sabotagesOf('cli/new-file.ts', OUTPUT, [
    [
      'an output file may be there before',
      'O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR',
      'O_CREAT | O_NOFOLLOW | O_RDWR',
      CREATE,
    ],
    ['an output file may be a link', 'O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR', 'O_CREAT | O_EXCL | O_RDWR', CREATE],
    ['an output file is readable by all', 'open(beside, flags, PRIVATE_FILE)', 'open(beside, flags)', CREATE],
    [
      'an output file is written in place',
      'const beside = join(',
      'await rm(path, { force: true });\n    const beside = true ? path : join(',
    ],
    ['a half-written output file stays', '    if (!this.#published) await rm(this.#beside, { force: true });\n', ''],
    ['an output may replace what is no regular file', '    await refuseSpecialFile(path);\n', ''],
  ]),
  ...sabotagesOf(
    'cli/main.ts',
    ['test/crash/faults.test.ts'],
    [
      [
        'a failure hides behind that of clearing up',
        '  if (error instanceof SuppressedError) return asFailure(error.suppressed, signal);',
        '',
      ],
    ],
  ),
  ...sabotagesOf('cli/file-source.ts', EXTRACT, [
    ['links are followed', "(links === 'refuse' ? O_NOFOLLOW : 0)", '0'],
    [
      'a file that changes while it is read is taken',
      '    if (now.ino !== ino || now.size !== size || now.mtimeNs !== mtimeNs) throw this.#changed();\n',
      '',
      ['test/cli/file-source.test.ts'],
    ],
  ]),
  ...sabotagesOf('cli/kubelet-directory.ts', DIRECTORY, [
    [
      'manifest and files may be of different moments',
      '        if (after.bytes.equals(before.bytes)) {',
      '        if (true) {',
    ],
    ['missing files are left out', '          if (missing.length > 0) throw this.#missing(missing);\n', ''],
    [
      "the target's SandboxIDs are not checked",
      '      checkManifest(manifest, this.manifestPath);\n      return manifest;',
      '      return manifest;',
      ['test/hostile/manifests.test.ts'],
    ],
  ]),
];
