import { type ErrorCode, type ErrorSubject, isPodfreightError, PodfreightError } from './errors.ts';

/** All of them, checked by the compiler: what comes over the wire may be anything. */
const CODES: Readonly<Record<ErrorCode, true>> = {
  usage: true,
  'not-found': true,
  'invalid-manifest': true,
  'invalid-archive': true,
  'corrupt-archive': true,
  unsupported: true,
  conflict: true,
  'source-changed': true,
  busy: true,
  'no-credentials': true,
  'access-denied': true,
  unreachable: true,
  service: true,
  'no-space': true,
  io: true,
  held: true,
  interrupted: true,
  internal: true,
};

/**
 * What a function throws so that its caller gets code, sentence and subject back: Lambda passes on an error's name and
 * message as `errorType` and `errorMessage`, so the message is JSON. Anything but a {@link PodfreightError} is a defect,
 * of which the caller learns no more than where to look.
 */
export function remoteError(error: unknown): Error {
  const { code, message, subject } = isPodfreightError(error)
    ? error
    : new PodfreightError('internal', 'The function failed by a defect of podfreight; its log says more.');
  const remote = new Error(JSON.stringify({ code, message, subject }), { cause: error });
  remote.name = PodfreightError.name;
  return remote;
}

/**
 * The error behind the payload of an invocation that failed, which is one of ours, or Lambda's own when the function ran
 * out of time or memory.
 * @param what names the function in the message, as in `function create-bundle`
 */
export function errorFromRemote(payload: unknown, what: string): PodfreightError {
  const { errorType, errorMessage } = (payload ?? {}) as { errorType?: unknown; errorMessage?: unknown };
  const said = typeof errorMessage === 'string' ? errorMessage : JSON.stringify(payload);
  const ours = errorType === PodfreightError.name ? parseOurs(said) : undefined;
  return ours ?? new PodfreightError('service', `The ${what} failed: ${said}`);
}

function parseOurs(text: string): PodfreightError | undefined {
  try {
    const { code, message, subject } = JSON.parse(text);
    if (!Object.hasOwn(CODES, code) || typeof message !== 'string') return undefined;
    return new PodfreightError(code as ErrorCode, message, { subject: (subject ?? {}) as ErrorSubject });
  } catch {
    return undefined;
  }
}
