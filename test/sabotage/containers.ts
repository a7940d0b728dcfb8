import { type Sabotage, sabotagesOf } from './sabotage.ts';

const CRASH = ['test/crash/archives.test.ts'];
const HOSTILE = ['test/hostile/tars.test.ts'];
const MANIFESTS = ['test/hostile/manifests.test.ts'];
const PLAN = ['test/cli/landing/plan-archives.test.ts'];
const SPLIT = ['test/core/checkpoint/pod-tar.test.ts'];
const PASS = ['test/core/checkpoint/checked-pod-tar.test.ts'];
const SHIP = ['test/core/checkpoint/ship-containers.test.ts'];
const FINISHED = ['test/cli/finished-archives.test.ts'];

/** Container archives, on their way there and back. */
export const CONTAINERS: readonly Sabotage[] = [
  ...sabotagesOf('core/manifest/manifest.ts', MANIFESTS, [
    ['what a manifest says of container archives is not checked', '    containerRecords(pod, file);\n', ''],
  ]),
  ...sabotagesOf('core/checkpoint/container-records.ts', MANIFESTS, [
    ['an archive may have any name', '    if (stem === undefined) throw', '    if (false) throw'],
    ['an archive may be there twice', '      if (names.has(key)) throw', '      if (false) throw'],
    ['a pod may have no archives', '  if (read.length === 0) throw', '  if (false) throw'],
  ]),
  ...sabotagesOf('core/checkpoint/split-pod-tar.ts', HOSTILE, [
    ['sizes are not compared', 'record.sizeBytes !== sizeBytes', 'false'],
    ['digests are not compared', "record?.sha256 && record.sha256 !== hash.digest('hex')", 'false'],
    ['other members are taken', "member.rawName !== name || member.kind !== 'file'", 'false'],
    ['other archives are taken', 'records !== undefined && (!agrees || records.length !== containers.length)', 'false'],
    ['something may follow', '      if (part.extent.tailBytes > 0) throw', '      if (false) throw', SPLIT],
    ['archives may be missing', '      if (name !== undefined) throw', '      if (false) throw'],
  ]),
  ...sabotagesOf('core/checkpoint/checked-pod-tar.ts', PASS, [
    ['memory that is used again is kept', 'passed.push(Buffer.from(last))', 'passed.push(last)'],
  ]),
  ...sabotagesOf('core/archive/chunk-reader.ts', PASS, [
    ['a rest in memory that is used again is kept', 'Buffer.from(this.#rest)', 'this.#rest'],
  ]),
  ...sabotagesOf('core/checkpoint/ship-containers.ts', SHIP, [
    ['bytes without their digest are shipped', "sha256 === undefined || hash.digest('hex') === sha256", 'true'],
  ]),
  ...sabotagesOf('core/shipment.ts', HOSTILE, [
    [
      'an archive is pushed whatever its containers are',
      'const checked = records ? ',
      'const checked = false && records ? ',
    ],
  ]),
  ...sabotagesOf('cli/landing/arriving-files.ts', HOSTILE, [
    [
      'a pod lands whatever its containers are',
      'data: records === undefined ? chunks',
      'data: true || records === undefined ? chunks',
    ],
  ]),
  ...sabotagesOf('cli/landing/plan-archives.ts', PLAN, [
    ['a conflict is not refused', "    if (onConflict === 'refuse') refused.push(...other);\n", ''],
    ['a pod does not stay together', "    if (other.length > 0 && onConflict !== 'replace') {", '    if (false) {'],
    ['two archives may have one name', '      if (other !== undefined) {', '      if (false) {'],
    ["an archive may be called as a listed pod's file", '      if (listed.has(file)) {', '      if (false) {'],
  ]),
  ...sabotagesOf('cli/landing/form.ts', PLAN, [
    ['a directory with a manifest gets container archives', 'present === undefined && others', 'others'],
    ['other pods go missing', '&& others.length === 0 ', ''],
  ]),
  ...sabotagesOf('cli/landing/commit.ts', CRASH, [
    ['archives that have landed can be undone', '  else await forgetHowToUndo(staging);\n', ''],
    ['nothing says that archives are landing', 'else await (await openNew(staging.after)).close();', ''],
  ]),
  ...sabotagesOf('cli/finished-archives.ts', FINISHED, [
    ['a file goes twice', '      if (seen.has(version)) continue;\n', ''],
  ]),
  ...sabotagesOf('cli/whole-archive.ts', FINISHED, [
    [
      'a file may change before it is read',
      '  if (fileVersion(path)?.version === version) {',
      '  if (fileVersion(path) !== undefined) {',
    ],
  ]),
];
