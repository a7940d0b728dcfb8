import type { ArchiveStore, Catalogue, ObjectSource } from '../ports.ts';
import { firstThatFit } from './bundled-pods.ts';
import type { BundleEffort, RequestCount, RewrittenArchive } from './request.ts';
import { WorkTime } from './work-time.ts';

export interface BundleContext {
  readonly store: ArchiveStore;
  readonly catalogue: Catalogue;
  /** Where bundles go, and what is rewritten for them. */
  readonly bucket: string;
  /** Of `bucket`, and so of what is made. */
  readonly region?: string;
  /** Sent so far, by this call and before. */
  requests(): RequestCount;
  /** Until the call must have answered. */
  remainingMs(): number;
}

/** One call that makes a bundle or goes on making it: what it has at hand, and what it did. */
export interface Work extends BundleContext {
  readonly time: WorkTime;
  /** To be closed at its end. */
  readonly opened: ObjectSource[];
  bytesCopied: number;
  bytesThrough: number;
  readonly rewritten: RewrittenArchive[];
  effort(): BundleEffort;
}

/** An answer has 6 MB for everything. */
const REWRITTEN_BYTES_MAX = 1_000_000;

export function beginWork(context: BundleContext): Work {
  const before = context.requests();
  return {
    ...context,
    time: new WorkTime(() => context.remainingMs()),
    opened: [],
    bytesCopied: 0,
    bytesThrough: 0,
    rewritten: [],
    effort() {
      const { s3, dynamodb } = context.requests();
      return {
        requests: { s3: s3 - before.s3, dynamodb: dynamodb - before.dynamodb },
        bytesCopied: this.bytesCopied,
        bytesThrough: this.bytesThrough,
        rewritten: firstThatFit(this.rewritten, REWRITTEN_BYTES_MAX),
      };
    },
  };
}
