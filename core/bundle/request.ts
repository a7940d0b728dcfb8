import { parseInstant } from '../catalogue/instant.ts';
import type { BundledPod, BundleRecord } from '../catalogue/records.ts';
import { PodfreightError } from '../errors.ts';
import { type PodSelector, parsePodSelector } from './pod-selector.ts';

/** What the bundle function is asked. */
export interface BundleRequest {
  /** At least one; a pod that several select is in the bundle once. */
  readonly pods: readonly PodSelector[];
  /** Make nothing: just say what would be done. */
  readonly dryRun?: boolean;
  /** Archives that S3 got later do not count: RFC 3339. From an `unfinished` answer, so that going on means the same pods. */
  readonly asOf?: string;
}

/** Sent to AWS, each attempt counted. */
export interface RequestCount {
  readonly s3: number;
  readonly dynamodb: number;
}

/** An archive that S3 cannot copy pods from, and so had to be written anew: its pods in an archive of ours. */
export interface RewrittenArchive {
  /** `s3://bucket/key` */
  readonly archive: string;
  /** Why: the end of the sentence "it …". */
  readonly reason: string;
  /** Both 0 when it had been rewritten before. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

/** What a bundle took. */
export interface BundleEffort {
  readonly requests: RequestCount;
  /** Bytes that S3 copied. */
  readonly bytesCopied: number;
  /** Bytes that the function sent, and those it read to rewrite archives; not the indexes and manifests it looked at. */
  readonly bytesThrough: number;
  readonly rewritten: readonly RewrittenArchive[];
}

/** The bundle is stored and catalogued. */
export interface BundleResult extends Omit<BundleRecord, 'createdAt' | 'pods'>, BundleEffort {
  readonly state: 'ready';
  /** False: the same bundle was there already. */
  readonly created: boolean;
  /** S3 parts it was put together from; 0 when it was there already. */
  readonly parts: number;
  readonly pods: readonly BundledPod[];
}

/** What making the bundle would take. */
export interface BundleForecast extends BundleEffort {
  readonly state: 'planned';
  /** False: archives have to be rewritten first, and how long they become is a guess, as everything that hangs on it. */
  readonly exact: boolean;
  /** When `exact`. */
  readonly bundleId?: string;
  /** It is stored already, and making it again would take no more than looking. */
  readonly there: boolean;
  readonly format: BundleRecord['format'];
  readonly sizeBytes: number;
  readonly podCount: number;
  readonly pods: readonly BundledPod[];
  /** Archives the pods come from. */
  readonly sources: number;
  readonly parts: { readonly copied: number; readonly uploaded: number };
}

/** The function's time is over, and what is done is kept: ask for the same again, with `asOf`. */
export interface UnfinishedBundle extends BundleEffort {
  readonly state: 'unfinished';
  readonly asOf: string;
  readonly progress: BundleProgress;
}

export interface BundleProgress {
  readonly step: 'rewriting' | 'copying';
  /** Of this step, by all calls so far. */
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export type BundleAnswer = BundleResult | BundleForecast | UnfinishedBundle;

const SELECTORS_MAX = 1000;

/** @throws PodfreightError `usage` naming what is wrong, unknown fields too */
export function parseBundleRequest(value: unknown): BundleRequest {
  if (typeof value !== 'object' || value === null || !('pods' in value) || !Array.isArray(value.pods)) {
    throw new PodfreightError('usage', 'A bundle request is {"pods": […]} with a list of selectors.');
  }
  const { pods, dryRun, asOf, ...unknown } = value as { pods: unknown[]; dryRun?: unknown; asOf?: unknown };
  const [stray] = Object.keys(unknown);
  if (stray !== undefined)
    throw new PodfreightError('usage', `A bundle request has no field ${JSON.stringify(stray)}.`);
  if (dryRun !== undefined && typeof dryRun !== 'boolean') {
    throw new PodfreightError('usage', 'dryRun of a bundle request must be true or false.');
  }
  if (asOf !== undefined && typeof asOf !== 'string') {
    throw new PodfreightError('usage', 'asOf of a bundle request must be a time as in 2026-11-22T13:20:00Z.');
  }
  if (asOf !== undefined) parseInstant(asOf, 'asOf');
  if (pods.length < 1 || pods.length > SELECTORS_MAX) {
    throw new PodfreightError('usage', `A bundle request takes 1 to ${SELECTORS_MAX} selectors, not ${pods.length}.`);
  }
  return {
    pods: pods.map((selector, i) => parsePodSelector(selector, `pods[${i}]`)),
    ...(dryRun !== undefined && { dryRun }),
    ...(asOf !== undefined && { asOf }),
  };
}
