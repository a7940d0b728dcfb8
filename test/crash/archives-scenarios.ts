import { containerPod } from '../cli/container-pod.ts';
import type { ArchivesScenario } from './archives-target.ts';
import type { Call } from './trap.ts';

const KEPT = { 'kept.tar': 'an archive that nobody inserted' };
const REDIS = { 'checkpoint-redis_default-redis-2026-11-22T14:31:07Z.tar': 'the archive of redis' };
const METRICS = { 'checkpoint-redis_default-metrics-2026-11-22T14:31:09Z.tar': 'some memory '.repeat(100_000) };
const WEB = { 'web.tar.zst': 'the archive of web' };
const OLD_REDIS = { 'checkpoint-redis_default-redis-2026-11-22T14:31:07Z.tar': 'another archive of redis' };

const PODS = [containerPod('r', { ...REDIS, ...METRICS }), containerPod('w', WEB)];
const AFTER = { ...KEPT, ...REDIS, ...METRICS, ...WEB };

export const REPLACING_ARCHIVES: ArchivesScenario = {
  what: 'archives, some in place of others, some there already',
  before: { ...KEPT, ...OLD_REDIS, ...WEB },
  pods: PODS,
  onConflict: 'replace',
  after: AFTER,
};

/** The removal of what says how to undo. */
const isCommitment = ({ name, path }: Call) => name === 'unlink' && path.endsWith('/after');

export const ARCHIVES_SCENARIOS: readonly ArchivesScenario[] = [
  {
    what: 'archives, into a missing directory',
    before: undefined,
    pods: PODS,
    after: { ...REDIS, ...METRICS, ...WEB },
  },
  { what: 'archives, beside another', before: KEPT, pods: PODS, after: AFTER },
  { what: 'the same archives once more', before: AFTER, pods: PODS, after: AFTER },
  REPLACING_ARCHIVES,
  {
    ...REPLACING_ARCHIVES,
    what: 'archives, behind an insert of them that was killed just before its commitment',
    killedBefore: isCommitment,
  },
];
