import type { ErrorCode } from '../../../core/errors.ts';
import { formatManifest } from '../../../core/manifest/manifest.ts';
import { text } from '../../checkpoint-samples/tar.ts';
import { containerPod, type Lies, type TextFiles } from '../../cli/container-pod.ts';
import { manifest } from '../../cli/pods.ts';
import { type ArchiveCase, archiveCase, type CaseGroup, lands, type Verdict } from '../case.ts';
import { END, file } from '../tar-bytes.ts';

const REDIS = 'checkpoint-redis_default-redis-2026-11-22T14:31:07+01:00.tar';
const FILES: TextFiles = { [REDIS]: 'the memory of redis', 'web.tar.zst': 'the memory of web' };

/** An archive of the pod a1, which is made of these container archives. */
function archiveOf(files: TextFiles, lies: Lies = {}, cut?: number): readonly Buffer[] {
  const { entry, text } = containerPod('a1', files, lies);
  const bytes = Buffer.from(text.slice(0, cut), 'latin1');
  return [file('checkpointed.pods', formatManifest(manifest(entry))), file('a1.tar', bytes), END];
}

/** Seen by whoever reads the pod's file; `show` and the catalogue read the manifest. */
function refused(reason: string, code: ErrorCode = 'invalid-archive'): Verdict {
  return { code, message: `The archive X: a1.tar is refused: ${reason}.`, unseenBy: ['show', 'catalogue'] };
}

/** However the archive is compressed, `show` does not look there. */
const UNSEEN = { kind: 'other' } as const;

function hostile(name: string, lies: Lies, verdict: Verdict, files = FILES): ArchiveCase {
  return archiveCase(name, archiveOf(files, lies), verdict, UNSEEN);
}

function benign(name: string, files: TextFiles, lies: Lies = {}): ArchiveCase {
  return archiveCase(name, archiveOf(files, lies), lands('a1'), { files });
}

const OTHERS = refused('member "pod.options" names other archives than the manifest');
const extra = (name: string, fields: { type?: string; linkName?: string } = {}): Lies => ({
  members: (members) => [...members, { name, content: fields.type ? [] : text('x'), ...fields }],
});

export const containerArchives: CaseGroup = {
  title: 'Container archives',
  cases: [
    hostile(
      'a digest that is a lie',
      { records: { [REDIS]: { sha256: 'a'.repeat(64) } } },
      refused(`member "${REDIS}" does not have the manifest's SHA-256`, 'corrupt-archive'),
    ),
    benign('no digest', FILES, { records: { [REDIS]: { sha256: '' } } }),
    hostile(
      'a size that is a lie',
      { records: { [REDIS]: { sizeBytes: 7 } } },
      refused(`member "${REDIS}" has 19 bytes instead of the manifest's 7`),
    ),
    hostile(
      'a size of 2^53-1',
      { records: { [REDIS]: { sizeBytes: Number.MAX_SAFE_INTEGER } } },
      refused(`member "${REDIS}" has 19 bytes instead of the manifest's 9007199254740991`),
    ),
    benign('an archive of no bytes', { 'empty.tar': '' }),
    hostile('another file than there is', { records: { [REDIS]: { file: 'other.tar' } } }, OTHERS),
    hostile('another container than there is', { records: { [REDIS]: { container: 'other' } } }, OTHERS),
    benign('names of 255 bytes', { [`${'n'.repeat(251)}.tar`]: 'long', [`${'m'.repeat(247)}.tar.zst`]: 'long, too' }),
    benign('the name `pod.dump.tar`', { 'pod.dump.tar': 'x' }),
    hostile(
      'an archive that the manifest does not name',
      extra('run.tar'),
      refused('member "run.tar" stands where its end has to be'),
    ),
    hostile(
      'a program beside the archives',
      extra('run.sh'),
      refused('member "run.sh" stands where its end has to be'),
    ),
    hostile('a name that goes up', extra('../up.tar'), refused('member "../up.tar" stands where its end has to be')),
    hostile('an archive twice', extra('web.tar'), refused('member "web.tar" stands where its end has to be')),
    hostile(
      'a link in the place of an archive',
      {
        members: (members) =>
          members.map((one) =>
            one.name === 'web.tar' ? { name: 'web.tar', type: '2', linkName: '/etc/shadow' } : one,
          ),
      },
      refused('member "web.tar" stands where the file "web.tar" has to be'),
    ),
    hostile(
      'an archive that is missing',
      { members: (members) => members.slice(0, -1) },
      refused('it ends before "web.tar"'),
    ),
    hostile(
      'archives in another order',
      { members: ([options, dump, ...archives]) => [options!, dump!, ...archives.toReversed()] },
      refused(`member "web.tar" stands where the file "${REDIS}" has to be`),
    ),
    archiveCase(
      'a pod that ends in the middle of an archive',
      archiveOf(FILES, {}, 2700),
      refused(`it ends early, in member "${REDIS}"; fetch or write it again`),
      UNSEEN,
    ),
    archiveCase(
      'a pod that is no tar',
      archiveOf(FILES, {}, 0),
      refused('it is empty, so it is no checkpoint archive'),
      UNSEEN,
    ),
  ],
};
