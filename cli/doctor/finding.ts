import { type ErrorCode, isPodfreightError } from '../../core/errors.ts';

/** `problem`: a command would fail. `warning`: none would, but look at it. `note`: nothing to do. */
export type FindingState = 'ok' | 'note' | 'warning' | 'problem';

export interface Finding {
  readonly state: FindingState;
  /** What was found, in one sentence. */
  readonly message: string;
  /** What to do about it, in one sentence; a problem's message may say so itself. */
  readonly advice?: string;
  /** Of a problem: how a command would fail. */
  readonly code?: ErrorCode;
}

/** A finding, and what was looked at. */
export interface Check extends Finding {
  readonly check: string;
}

export function ok(message: string): Finding {
  return { state: 'ok', message };
}

export function note(message: string, advice?: string): Finding {
  return { state: 'note', message, ...(advice !== undefined && { advice }) };
}

export function warning(message: string, advice: string): Finding {
  return { state: 'warning', message, advice };
}

export function problem(code: ErrorCode, message: string, advice?: string): Finding {
  return { state: 'problem', code, message, ...(advice !== undefined && { advice }) };
}

/** What `look` finds; a failure of it is a problem. */
export async function examine(check: string, look: () => Promise<Finding> | Finding): Promise<Check> {
  try {
    return { check, ...(await look()) };
  } catch (error) {
    if (!isPodfreightError(error) || error.code === 'interrupted') throw error;
    return { check, ...problem(error.code, error.message) };
  }
}
