import { PodfreightError } from '../core/errors.ts';
import { RECONCILE_HOURS } from '../core/reconcile/schedule.ts';

/** What the stack tells its functions: setting → environment variable. */
const VARIABLES = {
  table: 'PODFREIGHT_TABLE',
  archivesBucket: 'PODFREIGHT_ARCHIVES_BUCKET',
  bundlesBucket: 'PODFREIGHT_BUNDLES_BUCKET',
  reconcileHours: RECONCILE_HOURS,
} as const;

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
