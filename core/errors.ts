/**
 * Every failure a user can meet. `cli/exit-codes.ts` maps each to an exit code; a new one does not compile until mapped.
 */
export type ErrorCode =
  | 'usage' // a flag, argument or setting is missing or wrong
  | 'not-found' // a file, directory, bucket, object, pod or bundle does not exist
  | 'invalid-manifest' // checkpointed.pods cannot be read as one
  | 'invalid-archive' // a file is no archive, breaks a rule of its format, or ends early
  | 'corrupt-archive' // well-formed, but its bytes are not those its digests promise
  | 'unsupported' // understood, but not something podfreight does
  | 'conflict' // something else already has that name
  | 'held' // a hold keeps it from being removed
  | 'source-changed' // the object or file changed while it was read
  | 'busy' // another process holds the lock
  | 'no-credentials' // the SDK's chain found none, or they are expired
  | 'access-denied' // AWS or the file system refused
  | 'unreachable' // an endpoint did not answer
  | 'service' // AWS answered with a failure
  | 'no-space' // the file system is full
  | 'io' // any other failure of the file system
  | 'interrupted' // SIGINT or SIGTERM
  | 'internal'; // a defect of podfreight

/** What the failure is about; shown in `--json` errors and in logs. */
export type ErrorSubject = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/**
 * The one error class. `message` is one sentence: what failed, on what, and what to do.
 * Functions document the codes they throw; anything else that escapes is `internal`.
 */
export class PodfreightError extends Error {
  override readonly name = 'PodfreightError';
  readonly code: ErrorCode;
  readonly subject: ErrorSubject;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; subject?: ErrorSubject } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.subject = options.subject ?? {};
  }
}

/** True for a {@link PodfreightError}, with one of `codes` when any are given. */
export function isPodfreightError(error: unknown, ...codes: ErrorCode[]): error is PodfreightError {
  return error instanceof PodfreightError && (codes.length === 0 || codes.includes(error.code));
}
