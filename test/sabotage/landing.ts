import { type Sabotage, sabotagesOf } from './sabotage.ts';

const KILL = ['test/crash/kill.test.ts'];
const FAULTS = ['test/crash/faults.test.ts'];
const CREATE = ['test/crash/create.test.ts'];
const OUTPUT = ['test/crash/output.test.ts', 'test/cli/new-file.test.ts'];
const LAND = ['test/cli/landing/land.test.ts'];
const PLAN = ['test/cli/landing/plan.test.ts'];
const LOCK = ['test/cli/landing/lock.test.ts'];
const DIRECTORY = ['test/cli/kubelet-directory.test.ts'];
const EXTRACT = ['test/e2e/extract.test.ts'];

/** The insert protocol, and what `extract` and readers keep to. */
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
    ['free space is not looked at in advance', '  await folder.checkSpace(foreseen.totalBytes ?? 0);\n', ''],
    ['free space is not looked at before a pod', '    await folder.checkSpace(member.sizeBytes);\n', ''],
    [
      'a stopped insert goes on',
      '    signal.throwIfAborted();\n    yield chunk;\n    onBytes?.(chunk.length);\n  }\n  signal.throwIfAborted();\n',
      '    yield chunk;\n    onBytes?.(chunk.length);\n  }\n',
    ],
  ]),
  ...sabotagesOf('cli/landing/commit.ts', KILL, [
    [
      'a failed landing is not undone',
      '    await rollBack(target, staging).catch((failure) => {',
      '    await Promise.resolve().catch((failure) => {',
      FAULTS,
    ],
    [
      'files are renamed into place instead of linked',
      "() => link(staging.pod('new', sandboxId), path)); //",
      "() => rename(staging.pod('new', sandboxId), path)); //",
    ],
    [
      'an old file is not kept while it is replaced',
      "      await link(target.podPath(sandboxId), staging.pod('old', sandboxId));\n",
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
    ['nothing says that a landing has begun', '() => link(staging.next, staging.after)', 'async () => {}'],
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
  ]),
  ...sabotagesOf('cli/landing/lock.ts', LOCK, [
    ['the lock is shared', "database.exec('BEGIN EXCLUSIVE');", "database.exec('BEGIN');"],
    ['the lock is waited for without an end', '      if (performance.now() >= deadline) {', '      if (false) {'],
    ['waiting for the lock cannot be stopped', '      options.signal?.throwIfAborted();\n', ''],
  ]),
  ...sabotagesOf('cli/landing/rollback.ts', KILL, [
    ['the living are taken for dead', "    if (lock === 'busy') continue;\n", '', LAND],
    ['a commitment is undone', '  if ((await inode(target.manifestPath)) === begun) return; // committed\n', ''],
    ['what the manifest names is removed', '    if (!listed.has(sandboxId) && ', '    if (', LAND],
    [
      "others' files are removed",
      "  return there !== undefined && there === (await inode(staging.pod('new', sandboxId)));",
      '  return there !== undefined;',
      LAND,
    ],
    [
      'old files do not come back',
      "  for (const sandboxId of await staging.pods('old')) await restoreOld(target, staging, sandboxId);\n",
      '',
    ],
    [
      'old entries do not come back',
      '  if (before !== undefined && live !== undefined) await restoreEntries(target, staging, before, live);\n',
      '',
    ],
    [
      'new files stay without an entry',
      "  for (const sandboxId of await staging.pods('new')) {",
      '  for (const sandboxId of []) {',
    ],
    ['half-removed stagings stay', '  for (const folder of done) await removeDone(folder);\n', ''],
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
    ['space is not reserved', '    await reserve(path, promisedBytes);\n', '', LAND],
    ['bytes are not hashed', '      hash.update(chunk);\n', '', LAND],
    [
      'a staging is removed where it is',
      '    this.#done = await retire(this.paths.root);',
      '    this.#done = this.paths.root;',
      KILL,
    ],
    [
      'a failed insert leaves its staging',
      '      if (this.#done === undefined && (await exists(root)) && !(await exists(after))) await this.retire();\n',
      '',
      LAND,
    ],
    ['times of members are not kept', '      await handle.utimes(modifiedAt, modifiedAt);\n', '', LAND],
  ]),
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
