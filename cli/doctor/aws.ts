import type { BucketLook, Identity, Probe } from '../../aws/probe.ts';
import { type ClockReading, clockSkewMs } from '../../core/clock.ts';
import { isPodfreightError } from '../../core/errors.ts';
import type { ObjectLocation } from '../../core/ports.ts';
import { type Regions, regionOf } from '../../core/regions.ts';
import { originOf, SETTING_NAMES, SETTINGS, type SettingName, type Settings } from '../settings.ts';
import { type Check, examine, type Finding, note, ok, problem, warning } from './finding.ts';

const IN_AWS = ['archivesBucket', 'bundlesBucket', 'table', 'bundleFunction'] as const satisfies SettingName[];
const SHORT = { archivesBucket: 'archives', bundlesBucket: 'bundles', table: 'table', bundleFunction: 'function' };

const SECOND_MS = 1000;
/** Nodes that keep time are within a second of each other. */
const SKEW_WARNING_MS = 5 * SECOND_MS;
/** What AWS allows a signature to differ. @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html */
const SKEW_PROBLEM_MS = 5 * 60 * SECOND_MS;

/** Credentials soon to expire, from which a long transfer could be cut off. */
const EXPIRY_WARNING_MS = 5 * 60 * SECOND_MS;

/** What is set; with nothing set at all, no command reaches AWS. */
export function lookAtSettings(settings: Settings, path: string): Finding {
  const unset = IN_AWS.filter((name) => settings[name] === undefined);
  if (unset.length === IN_AWS.length) {
    return problem(
      'usage',
      `Nothing says where buckets, table and function are: no flag, no environment variable, nothing in ${path}.`,
      'Run "podfreight configure --stack NAME".',
    );
  }
  if (unset.length === 0) return ok('Buckets, table and function are set.');
  const missing = unset.map((name) => `${SETTINGS[name].what} (for ${SETTINGS[name].use})`);
  return note(`Not set: ${missing.join('; ')}.`);
}

/** Everything that is set, all at once; each finding comes in the order of the settings. */
export async function examineAws(settings: Settings, regions: Regions, probe: Probe): Promise<Check[]> {
  const credentials = await examine('credentials', async () => {
    const region = await probe.region();
    return lookAtIdentity(await probe.credentials(), region, Date.now());
  });
  const names = SETTING_NAMES.filter((name) => IN_AWS.some((one) => one === name)) as (keyof typeof SHORT)[];
  const services = await Promise.all(
    names.map((name) => {
      const value = settings[name];
      if (value === undefined) return [];
      if (credentials.state === 'problem') return { check: SHORT[name], ...note(`${value} was not asked for.`) };
      return examine(SHORT[name], () => lookAt(name, value, { settings, regions, probe }));
    }),
  );
  const others = credentials.state === 'problem' ? [] : await examineOthers(settings, regions, probe);
  return [credentials, ...services.flat(), ...others, { check: 'clock', ...lookAtClock(probe.clock) }];
}

/** Regions whose buckets are not those that are set. */
async function examineOthers(settings: Settings, regions: Regions, probe: Probe): Promise<Check[]> {
  const set = [settings.archivesBucket, settings.bundlesBucket];
  const others = [...regions].flatMap(([region, { archivesBucket, bundlesBucket }]) => {
    const buckets = [archivesBucket, bundlesBucket].filter((bucket) => !set.includes(bucket));
    return buckets.length === 0 ? [] : [{ region, buckets }];
  });
  return await Promise.all(
    others.map(async ({ region, buckets }) => {
      try {
        await Promise.all(buckets.map((bucket) => probe.bucket(bucket)));
        return {
          check: 'regions',
          ...ok(`${region}: ${buckets.join(' and ')} answer${buckets.length > 1 ? '' : 's'}.`),
        };
      } catch (error) {
        if (!isPodfreightError(error) || error.code === 'interrupted') throw error;
        const advice = `What is in ${region} cannot be bundled and pulled until that is mended.`;
        return { check: 'regions', ...warning(error.message, advice) };
      }
    }),
  );
}

interface Surroundings {
  readonly settings: Settings;
  readonly regions: Regions;
  readonly probe: Probe;
}

async function lookAt(
  name: keyof typeof SHORT,
  value: string,
  { settings, regions, probe }: Surroundings,
): Promise<Finding> {
  if (name === 'table') {
    const { listable } = await probe.table(value, ownObject(settings));
    if (listable) return ok(`${value} answers.`);
    return note(`${value} answers; these credentials may not list it, as agents need not.`);
  }
  if (name === 'bundleFunction') {
    await probe.function(value);
    return ok(`${value} may be called.`);
  }
  const [look, region] = await Promise.all([probe.bucket(value), probe.region()]);
  return lookAtBucket(value, look, regionOf({ bucket: value }, regions) ?? region);
}

/** Nothing there, under the prefix where this node may write. */
function ownObject(settings: Settings): ObjectLocation | undefined {
  const { cluster, node } = originOf(settings);
  const { archivesBucket: bucket } = settings;
  return bucket === undefined ? undefined : { bucket, key: `${cluster}/${node}/doctor` };
}

export function lookAtIdentity({ accessKeyId, expiresAt }: Identity, region: string, nowMs: number): Finding {
  const who = `Access key ${accessKeyId}, region ${region}`;
  if (expiresAt === undefined) return ok(`${who}.`);
  const until = `until ${expiresAt.toISOString()}`;
  if (expiresAt.getTime() <= nowMs) return problem('no-credentials', `${who}, expired ${until}.`, 'Renew them.');
  if (expiresAt.getTime() - nowMs > EXPIRY_WARNING_MS) return ok(`${who}, ${until}.`);
  return warning(`${who}, ${until}, which is soon.`, 'Renew them, unless that happens by itself.');
}

/** @param region in which commands ask */
export function lookAtBucket(name: string, { versioned, region: actual }: BucketLook, region: string): Finding {
  if (actual !== undefined && actual !== region) {
    return warning(
      `${name} is in ${actual}, and requests go to ${region} first.`,
      `Set AWS_REGION=${actual}, unless the table and the function are in ${region}.`,
    );
  }
  const where = actual === undefined ? '' : ` in ${actual}`;
  if (versioned === undefined) {
    return note(`${name} is there${where}; whether it is versioned, these credentials may not ask.`);
  }
  if (versioned) return ok(`${name} is there${where}, and versioned.`);
  return warning(
    `${name} is there${where}, but not versioned: what is deleted in it is gone at once.`,
    `Deploy the stack again, or "aws s3api put-bucket-versioning --bucket ${name} --versioning-configuration Status=Enabled".`,
  );
}

export function lookAtClock(readings: readonly ClockReading[]): Finding {
  if (readings.length === 0) return note('No server has told the time.');
  const skews = readings.map(clockSkewMs);
  const skewMs = skews.reduce((least, skew) => (Math.abs(skew) < Math.abs(least) ? skew : least));
  const off = Math.abs(skewMs);
  if (off < SKEW_WARNING_MS) return ok("This machine's clock is right.");
  const message = `This machine's clock is ${duration(off)} ${skewMs > 0 ? 'ahead' : 'behind'}.`;
  const advice = 'Let it be set by NTP ("timedatectl set-ntp true"); by it is decided which checkpoint is the newest.';
  return off < SKEW_PROBLEM_MS ? warning(message, advice) : problem('access-denied', message, advice);
}

function duration(ms: number): string {
  const seconds = Math.round(ms / SECOND_MS);
  if (seconds < 120) return `${seconds} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}
