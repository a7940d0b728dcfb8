import { PodfreightError } from '../core/errors.ts';
import { RECONCILE_HOURS } from '../core/reconcile/schedule.ts';
import { parseRegions, type Regions } from '../core/regions.ts';

/** What the stack tells its functions: setting → environment variable. */
const VARIABLES = {
  table: 'PODFREIGHT_TABLE',
  archivesBucket: 'PODFREIGHT_ARCHIVES_BUCKET',
  bundlesBucket: 'PODFREIGHT_BUNDLES_BUCKET',
  reconcileHours: RECONCILE_HOURS,
} as const;

const REGIONS = 'PODFREIGHT_REGIONS';

type Setting = keyof typeof VARIABLES;

/**
 * The settings a function needs, read once when it starts.
 * @throws PodfreightError `usage` naming the variable that is missing or empty
 */
export function readConfig<S extends Setting>(
  settings: readonly S[],
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Readonly<Record<S, string>> {
  const entries = settings.map((setting) => {
    const variable = VARIABLES[setting];
    const value = environment[variable];
    if (value) return [setting, value] as const;
    throw new PodfreightError('usage', `The environment variable ${variable} is not set; deploy the stack again.`, {
      subject: { variable },
    });
  });
  return Object.fromEntries(entries) as Record<S, string>;
}

/**
 * What podfreight has in all regions; nothing is known of them when the variable is missing or empty.
 * @throws PodfreightError `usage` when it is not what the stack writes
 */
export function readRegions(environment: Readonly<Record<string, string | undefined>> = process.env): Regions {
  const text = environment[REGIONS];
  return text ? parseRegions(text, `The environment variable ${REGIONS}`) : new Map();
}

/** Where the function runs, as Lambda tells it. */
export function ownRegion(environment: Readonly<Record<string, string | undefined>> = process.env): {
  region?: string;
} {
  const { AWS_REGION } = environment;
  return AWS_REGION ? { region: AWS_REGION } : {};
}
