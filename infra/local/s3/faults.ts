import type { IncomingHttpHeaders } from 'node:http';

/** What a request looks like before it is let in. */
export interface FaultRequest {
  /** As in S3's API reference. */
  readonly operation: string;
  readonly bucket: string;
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
}

/** How to misbehave, so that clients can be tested. */
export type Fault =
  /**
   * This error instead of doing anything. With status 200 the error stands in the body of a success, as S3 does when a
   * copy or a completion fails after it began to answer.
   */
  | { readonly status: number; readonly code: string; readonly message?: string }
  /** The connection closes and nothing is done. */
  | 'drop'
  /** It is done, but the connection closes instead of an answer. */
  | 'drop-answer'
  /** It is done, but nothing ever answered. */
  | 'hang-answer'
  /** Nothing is done and nothing ever answered. */
  | 'hang'
  /** The answer's body ends there, and the connection with it. */
  | { readonly cutAfterBytes: number };

/** Asked for every request; it may take its time, which delays the request. */
export type Faults = (request: FaultRequest) => Fault | undefined | Promise<Fault | undefined>;
