import { PodfreightError } from './errors.ts';
import type { ObjectLocation } from './ports.ts';

/** What podfreight has in a region. */
export interface Region {
  readonly archivesBucket: string;
  readonly bundlesBucket: string;
  /** URLs, where the region is not one of AWS. */
  readonly s3Endpoint?: string;
  readonly lambdaEndpoint?: string;
}

/** The regions of a deployment by name, the primary one first; empty when nothing says which there are. */
export type Regions = ReadonlyMap<string, Region>;

const NAME = /^[a-z0-9]+(-[a-z0-9]+)*$/;
const FIELDS = {
  archivesBucket: 'required',
  bundlesBucket: 'required',
  s3Endpoint: 'optional',
  lambdaEndpoint: 'optional',
} as const satisfies Record<keyof Region, 'required' | 'optional'>;

/**
 * What the stack's output `Regions` says: JSON, region → its buckets.
 * @param where it stands, as in "PODFREIGHT_REGIONS"
 * @throws PodfreightError `usage` naming what is wrong
 */
export function parseRegions(text: string, where: string): Regions {
  const wrong = (why: string, cause?: unknown) =>
    new PodfreightError(
      'usage',
      `${where} ${why}; it is JSON, {"<region>": {"archivesBucket": …, "bundlesBucket": …}}.`,
      {
        cause,
        subject: { setting: 'regions' },
      },
    );
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw wrong('is not valid JSON', cause);
  }
  if (!isObject(value)) throw wrong('must hold a JSON object');
  for (const [name, region] of Object.entries(value)) {
    if (!NAME.test(name)) throw wrong(`has ${JSON.stringify(name)}, which is no name of a region`);
    if (!isObject(region)) throw wrong(`needs an object for ${name}`);
    for (const [field, need] of Object.entries(FIELDS)) {
      const text = region[field];
      if (text === undefined ? need === 'required' : typeof text !== 'string' || text === '') {
        throw wrong(`needs a text for ${field} of ${name}`);
      }
    }
  }
  return new Map(Object.entries(value as Record<string, Region>));
}

/** Where an object is: as its record says, else as its bucket does; undefined when neither is known. */
export function regionOf(
  { bucket, region }: Pick<ObjectLocation, 'bucket' | 'region'>,
  regions: Regions,
): string | undefined {
  if (region !== undefined) return region;
  const isThere = ({ archivesBucket, bundlesBucket }: Region) => bucket === archivesBucket || bucket === bundlesBucket;
  return [...regions].find(([, place]) => isThere(place))?.[0];
}

/**
 * All regions: `own`, then those of the same area (the name's first word, as in `eu`), then the others; each in the order of
 * `regions`.
 */
export function nearestFirst(regions: Regions, own: string | undefined): string[] {
  const area = (name: string | undefined) => name?.split('-')[0];
  const distance = (name: string) => (name === own ? 0 : area(name) === area(own) ? 1 : 2);
  return [...regions.keys()].sort((a, b) => distance(a) - distance(b));
}

/** @throws PodfreightError `usage` naming those there are */
export function knownRegion(name: string, regions: Regions): Region {
  const region = regions.get(name);
  if (region !== undefined) return region;
  const known = [...regions.keys()];
  throw new PodfreightError(
    'usage',
    known.length === 0
      ? `Nothing says what podfreight has in ${JSON.stringify(name)}: run "podfreight configure --stack NAME", or set PODFREIGHT_REGIONS.`
      : `podfreight has nothing in the region ${JSON.stringify(name)}; it is in ${known.join(', ')}.`,
    { subject: { region: name, regions: known } },
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
