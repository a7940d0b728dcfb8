import { type Sabotage, sabotagesOf } from './sabotage.ts';

const KILL = ['test/crash/kill.test.ts'];
const FAULTS = ['test/crash/faults.test.ts'];
const CREATE = ['test/crash/create.test.ts'];
const LAND = ['test/cli/landing/land.test.ts'];
const PLAN = ['test/cli/landing/plan.test.ts'];
const ROLLBACK = ['test/cli/landing/rollback.test.ts'];
const LOCK = ['test/cli/landing/lock.test.ts'];

/** The insert protocol. */
export const LANDING: readonly Sabotage[] = [
  ...sabotagesOf('cli/landing/land.ts', LAND, [
    [
      'the target is changed without the lock',
      '  using _ = await folder.lock(request.signal);\n  await rollBackDead(target, folder);\n  const { plan, present }',
      '  const { plan, present }',
    ],
    [
      'the manifest is not read again under the lock',
      '  const { plan, present } = await decide(arrivals);\n',
      '  const { plan, present } = { plan: likely, present: await target.readManifestIfAny() };\n',
    ],
    [
      'the dead are not cleared up before a decision',
      '  if (!dryRun) await clearUp(target, request.signal);\n',
      '',
      KILL,
    ],
    [
      'the dead are not cleared up before a commitment',
      '  await rollBackDead(target, folder);\n  const { plan, present }',
      '  const { plan, present }',
      KILL,
    ],
    ['a dry run writes', '  if (dryRun) {\n    const arrivals', '  if (false) {\n    const arrivals'],
    ['free space is not looked at in advance', '  await makeSpace(folder, ', '  void ('],
    ['free space is not looked at before a pod', '      await folder.checkSpace(sizeBytes);\n', ''],
  ]),
  ...sabotagesOf('cli/landing/arriving-files.ts', LAND, [
    [
      'a stopped insert goes on',
      '    signal.throwIfAborted();\n    yield chunk;\n    onBytes?.(chunk.length);\n  }\n  signal.throwIfAborted();\n',
      '    yield chunk;\n    onBytes?.(chunk.length);\n  }\n',
    ],
  ]),
  ...sabotagesOf('cli/landing/commit.ts', KILL, [
    [
      'a failed landing is not undone',
      '    const isCommitted = await rollBack(target, staging).catch((failure) => {',
      '    const isCommitted = await Promise.resolve(false).catch((failure) => {',
      FAULTS,
    ],
    [
      'files are renamed into place instead of linked',
      "() => link(staging.file('new', name), path)); //",
      "() => rename(staging.file('new', name), path)); //",
    ],
    [
      'an old file is not kept while it is replaced',
      "      await link(target.filePath(name), staging.file('old', name));\n",
      '',
    ],
    [
      'the manifest comes first',
      '  if (plan.between !== undefined) await putManifest(target, staging.between);\n',
      '  await putManifest(target, staging.next);\n',
    ],
    [
      'an entry stays while its bytes change',
      '  if (plan.between !== undefined) await putManifest(target, staging.between);\n',
      '',
    ],
    [
      'what is in place, but not surely on disk, is said to have failed',
      'isCommitted ? inPlaceBut(NOT_DURABLE, error) : error;',
      'isCommitted ? error : error;',
      FAULTS,
    ],
    ['nothing says that a landing has begun', 'await link(staging.next, staging.after);', 'void 0;'],
    ['the manifest before is not kept', '    await writeSynced(staging.before, formatManifest(present));\n', ''],
  ]),
  ...sabotagesOf('cli/landing/plan.ts', PLAN, [
    ['a conflict is not refused', "    if (collides && onConflict === 'refuse') refused.push(pod);\n", ''],
    ['a conflict is not skipped', "    if (collides && onConflict !== 'replace') {", '    if (false) {'],
    ['other bytes are no conflict', "otherEntry || file === 'other'", 'otherEntry'],
    ['another entry is no conflict', "otherEntry || file === 'other'", "file === 'other'"],
    ['no pod is torn', "    if (otherEntry && file !== 'same') torn.add(sandboxId);\n", ''],
  ]),
  ...sabotagesOf('cli/landing/compare.ts', LAND, [
    ['what is there is not hashed', "? 'same' : 'other';", "? 'same' : 'same';"],
    ['what is no regular file is replaced', "  if (there.kind === 'obstacle') {", '  if (false) {'],
    [
      'a file of another size is hashed first',
      "  if (sizeBytes !== undefined && sizeBytes !== there.sizeBytes) return 'other';\n",
      '',
    ],
  ]),
  ...sabotagesOf('cli/landing/private-folder.ts', LAND, [
    ["anybody's private folder will do", '(stats.mode & 0o077) !== 0', 'false'],
    [
      'the private folder is open to all',
      'await mkdir(path, { mode: PRIVATE_DIRECTORY });',
      'await mkdir(path);',
      CREATE,
    ],
    ['free space is never too little', '    if (freeBytes >= BigInt(sizeBytes)) return;\n', '    return;\n'],
    ['what is in use counts as free', 'const { bavail, bsize }', 'const { blocks: bavail, bsize }'],
  ]),
  ...sabotagesOf('cli/landing/lock.ts', LOCK, [
    ['the lock is waited for without an end', '      if (performance.now() >= deadline) {', '      if (false) {'],
    ['waiting for the lock cannot be stopped', '      options.signal?.throwIfAborted();\n', ''],
    ['the lock is shared', "'BEGIN; PRAGMA user_version = 1'", "'BEGIN'"],
    ['a lock that can only be read counts', "'BEGIN; PRAGMA user_version = 1'", "'BEGIN EXCLUSIVE'"],
    ['a lock that cannot be opened counts as absent', " && isErrno(reason, 'ENOENT')", ''],
    ['the lock is readable by all', 'O_WRONLY, PRIVATE_FILE)', 'O_WRONLY)', CREATE],
  ]),
  ...sabotagesOf('cli/landing/rollback.ts', KILL, [
    ['the living are taken for dead', "    if (lock === 'busy') continue;\n", '', LAND],
    ['what removed itself is removed', '      if (!(await exists(staging))) continue;', '     ', ROLLBACK],
    ['a commitment is undone', '  if ((await inode(target.manifestPath)) === begun) return true;\n', ''],
    ['what the manifest names is removed', '    if (!listed.has(name) && ', '    if (', LAND],
    [
      "others' files are removed",
      "  return there !== undefined && there === (await inode(staging.file('new', name)));",
      '  return there !== undefined;',
      LAND,
    ],
    [
      'old files do not come back',
      "  for (const name of await staging.names('old')) await restoreOld(target, staging, name);\n",
      '',
    ],
    [
      'old entries do not come back',
      '  if (before !== undefined && live !== undefined) await restoreEntries(target, staging, before, live);\n',
      '',
    ],
    [
      'new files stay without an entry',
      "  for (const name of await staging.names('new')) {",
      '  for (const name of []) {',
    ],
    ['half-removed stagings stay', '  for (const folder of done) await removeDone(folder);\n', ''],
  ]),
  ...sabotagesOf('cli/landing/staging-paths.ts', FAULTS, [
    [
      'a folder that cannot be listed is empty',
      "        if (isErrno(error, 'ENOENT')) return [];",
      '        return [];',
    ],
  ]),
  ...sabotagesOf('cli/landing/staging.ts', CREATE, [
    ['staged files may be there before', 'O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY', 'O_CREAT | O_NOFOLLOW | O_WRONLY'],
    ['staged files may be links', 'O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY', 'O_CREAT | O_EXCL | O_WRONLY'],
    ['staged files are readable by all', 'O_WRONLY, PRIVATE_FILE)', 'O_WRONLY)'],
    [
      'staging folders are open to all',
      '      await mkdir(paths.root, { mode: PRIVATE_DIRECTORY });',
      '      await mkdir(paths.root);',
    ],
    ['space is not reserved', '      await reserve(path, sizeBytes);\n', '', LAND],
    ['bytes are not hashed', '        hash?.update(chunk); // meanwhile\n', '', LAND],
    [
      'a staging is removed where it is',
      '    this.#done = await retire(this.paths.root);',
      '    this.#done = this.paths.root;',
      KILL,
    ],
    [
      'a failed insert leaves its staging',
      '        if (this.#done === undefined && (await exists(root)) && !(await exists(after))) await this.#retire();\n',
      '',
      LAND,
    ],
    [
      'what is in place is said to have failed',
      "      throw this.#isLanded ? inPlaceBut('clearing up failed', error) : error;\n",
      '      throw error;\n',
      FAULTS,
    ],
    [
      'a staging that cannot be retired for sure stays',
      '  } finally {\n    await orFileError(',
      '  } catch (error) {\n    throw error;\n  }\n  {\n    await orFileError(',
      FAULTS,
    ],
    ['times of members are not kept', '      await handle.utimes(modifiedAt, modifiedAt);\n', '', LAND],
  ]),
];
