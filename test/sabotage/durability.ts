import { type Sabotage, sabotagesOf } from './sabotage.ts';

const ORDER = ['test/crash/order.test.ts'];

/** Without any one of these syncs, a power cut at the wrong moment may lose what was acknowledged. */
export const DURABILITY: readonly Sabotage[] = [
  ...sabotagesOf('cli/durable.ts', ORDER, [
    ['no file or directory is synced', '    await handle.sync();\n', ''],
    ['the parent of a new directory is not synced', '  await syncDirectory(parent);\n', ''],
  ]),
  ...sabotagesOf('cli/new-file.ts', ORDER, [
    ['an output file is not synced', '      await this.handle.sync();\n', ''],
    ["an output file's directory is not synced", '    await syncDirectory(dirname(this.path));\n', ''],
  ]),
  ...sabotagesOf('cli/landing/private-folder.ts', ORDER, [
    ['the private folder is not synced into the target', '    await syncDirectory(target);\n', ''],
  ]),
  ...sabotagesOf('cli/landing/staging.ts', ORDER, [
    [
      'a checkpoint is not synced',
      '          await handle.utimes(modifiedAt, modifiedAt);\n          await handle.sync();\n',
      '          await handle.utimes(modifiedAt, modifiedAt);\n',
    ],
    [
      'a manifest is not synced',
      '    await handle.writeFile(bytes);\n    await handle.sync();\n',
      '    await handle.writeFile(bytes);\n',
    ],
    ['the retirement of a staging is not synced', '    await syncDirectory(dirname(done));\n', ''],
  ]),
  ...sabotagesOf('cli/landing/commit.ts', ORDER, [
    [
      'links are not synced before the manifest names them',
      '  await syncDirectory(target.path);\n  if (plan.after',
      '  if (plan.after',
    ],
    [
      'a kept file is not synced',
      '  for (const name of plan.keep) await syncFile(target.filePath(name));\n  if (plan.after',
      '  if (plan.after',
    ],
    [
      "the staging's folders are not synced",
      "  for (const folder of ['new', 'old', 'swap'] as const) await syncDirectory(staging.folder(folder));\n",
      '',
    ],
    ["the staging's name is not synced", '  await syncDirectory(dirname(staging.root));\n', ''],
    ['that a landing begins is not synced', '  await syncDirectory(staging.root);\n', ''],
    [
      'that container archives have landed is not synced',
      '  await syncDirectory(staging.root).catch((error) => {',
      '  await Promise.resolve().catch((error) => {',
      ['test/crash/archives.test.ts'],
    ],
    ['what is there already is not synced', '  for (const name of keep) await syncFile(target.filePath(name));\n', ''],
    [
      'the manifest that is there already is not synced',
      '  if (after !== undefined) await syncFile(target.manifestPath);\n',
      '',
    ],
    [
      'the directory that is there already is not synced',
      '  if (after !== undefined) await syncFile(target.manifestPath);\n  await syncDirectory(target.path);\n',
      '  if (after !== undefined) await syncFile(target.manifestPath);\n',
    ],
    [
      'the new manifest is not synced',
      'rename(from, target.manifestPath));\n  await syncDirectory(target.path);\n',
      'rename(from, target.manifestPath));\n',
    ],
  ]),
  ...sabotagesOf('cli/landing/rollback.ts', ORDER, [
    ['an undone landing is not synced', '  await syncDirectory(target.path);\n  if (before', '  if (before'],
    [
      'an undone manifest is not synced',
      '    await rename(staging.between, target.manifestPath);\n  });\n  await syncDirectory(target.path);\n',
      '    await rename(staging.between, target.manifestPath);\n  });\n',
    ],
  ]),
  ...sabotagesOf(
    'cli/partial-file.ts',
    ['test/cli/partial.test.ts', 'test/cli/landing/staging.test.ts'],
    [
      ['a kept piece need not be what it was', ' === piece.crc;', ' !== undefined;'],
      ['what a journal says is there is taken for written', '(piece) => piece.isProven', '() => true'],
    ],
  ),
];
