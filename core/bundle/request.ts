import type { BundleRecord } from '../catalogue/records.ts';
import { PodfreightError } from '../errors.ts';
import { type PodSelector, parsePodSelector } from './pod-selector.ts';

/** What the bundle function is asked. */
export interface BundleRequest {
  /** At least one; a pod that several select is in the bundle once. */
  readonly pods: readonly PodSelector[];
}

/** What it answers. */
export interface BundleResult extends Omit<BundleRecord, 'createdAt'> {
  /** False: the same bundle was there already. */
  readonly created: boolean;
  /** Bytes that the function read or made and sent on, instead of S3 copying them. */
  readonly bytesThrough: number;
  /** S3 parts that were copied or uploaded. */
  readonly requests: number;
}

const SELECTORS_MAX = 1000;

/** @throws PodfreightError `usage` naming what is wrong, unknown fields too */
export function parseBundleRequest(value: unknown): BundleRequest {
  if (typeof value !== 'object' || value === null || !('pods' in value) || !Array.isArray(value.pods)) {
    throw new PodfreightError('usage', 'A bundle request is {"pods": […]} with a list of selectors.');
  }
  const { pods, ...unknown } = value;
  const [stray] = Object.keys(unknown);
  if (stray !== undefined)
    throw new PodfreightError('usage', `A bundle request has no field ${JSON.stringify(stray)}.`);
  if (pods.length < 1 || pods.length > SELECTORS_MAX) {
    throw new PodfreightError('usage', `A bundle request takes 1 to ${SELECTORS_MAX} selectors, not ${pods.length}.`);
  }
  return { pods: pods.map((selector, i) => parsePodSelector(selector, `pods[${i}]`)) };
}
