import { Aws } from 'aws-cdk-lib';
import type { Config } from './config.ts';

/** What a bucket of ours holds. */
export type DataBucket = 'archives' | 'bundles';

/** A region and the names of what podfreight has there. */
export interface Place {
  readonly region: string;
  readonly archivesBucket: string;
  readonly bundlesBucket: string;
}

/**
 * A deployment as one of its stacks sees it. Names are made and not drawn, so that every stack knows what the others have
 * without waiting for them, and a stack that is deployed again finds the data of the one before.
 */
export interface Deployment {
  readonly config: Config;
  /** All regions, the primary one first. */
  readonly places: readonly Place[];
  readonly here: Place;
  readonly isPrimary: boolean;
  /** The same in every region. */
  readonly tableName: string;
}

/** The deployment in its regions, the primary one first; one region without a name when the configuration names none. */
export function deployments(config: Config): Deployment[] {
  const primary = config.primaryRegion ?? config.regions[0] ?? Aws.REGION;
  const others = config.regions.filter((region) => region !== primary);
  const places = [primary, ...others].map((region) => placeIn(region, config));
  return places.map((here) => ({
    config,
    places,
    here,
    isPrimary: here.region === primary,
    tableName: config.stackName,
  }));
}

/** Buckets share one namespace with all accounts of AWS, so their names have ours in them. */
export function bucketName(what: DataBucket | 'access-logs', { stackName }: Config, region: string): string {
  return `${stackName}-${what}-${Aws.ACCOUNT_ID}-${region}`;
}

function placeIn(region: string, config: Config): Place {
  return {
    region,
    archivesBucket: bucketName('archives', config, region),
    bundlesBucket: bucketName('bundles', config, region),
  };
}

/** Where every region's objects are, for whoever works across regions: `{"<region>":{"archivesBucket":"…","bundlesBucket":"…"}}`. */
export function regionsJson({ places }: Deployment): string {
  return JSON.stringify(Object.fromEntries(places.map(({ region, ...buckets }) => [region, buckets])));
}

export function functionName(name: string, { config }: Deployment): string {
  return `${config.stackName}-${name}`;
}

const arn = (rest: string) => `arn:${Aws.PARTITION}:${rest}`;

export function bucketArn(name: string): string {
  return arn(`s3:::${name}`);
}

/**
 * For what has the same name in every region: the only one, or any. Naming each would make policies of people longer than the
 * 6,144 characters that IAM takes.
 */
export function anyRegion({ places, here }: Deployment): string {
  return places.length === 1 ? here.region : '*';
}

export function tableArn({ tableName }: Deployment, region: string): string {
  return arn(`dynamodb:${region}:${Aws.ACCOUNT_ID}:table/${tableName}`);
}

export function functionArn(name: string, deployment: Deployment, region: string): string {
  return arn(`lambda:${region}:${Aws.ACCOUNT_ID}:function:${functionName(name, deployment)}`);
}

export function stackArn({ config }: Deployment, region: string): string {
  return arn(`cloudformation:${region}:${Aws.ACCOUNT_ID}:stack/${config.stackName}/*`);
}

/** All keys of KMS: which of them, conditions say. */
export function anyKeyArn(region: string): string {
  return arn(`kms:${region}:${Aws.ACCOUNT_ID}:key/*`);
}
