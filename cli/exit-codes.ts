import type { ErrorCode, PodfreightError } from '../core/errors.ts';

/** What a script sees. 0 is success; a killed process would have ended with the same 130 and 143. */
export const EXIT_CODES: Readonly<Record<ErrorCode, number>> = {
  internal: 1,
  usage: 2,
  'not-found': 3,
  'invalid-manifest': 4,
  'invalid-archive': 5,
  'corrupt-archive': 6,
  unsupported: 7,
  conflict: 8,
  'source-changed': 9,
  busy: 10,
  'no-credentials': 11,
  'access-denied': 12,
  unreachable: 13,
  service: 14,
  'no-space': 15,
  io: 16,
  held: 17,
  interrupted: 130,
};

const SIGTERM_EXIT_CODE = 143;

export function exitCodeOf(error: PodfreightError): number {
  if (error.code === 'interrupted' && error.subject.signal === 'SIGTERM') return SIGTERM_EXIT_CODE;
  return EXIT_CODES[error.code];
}
