import { PodfreightError } from '../../core/errors.ts';
import type { Output } from '../output.ts';
import type { Failed } from './sight.ts';

/**
 * Ends a command that could not look at everything, when it has said what it saw.
 * @throws PodfreightError the only failure, or one that counts them with the code of the first
 */
export function reportFailures(failures: readonly Failed[], output: Output): void {
  const [first, second] = failures;
  if (first === undefined) return;
  if (second === undefined) throw first.error;
  // With --json they are in the result.
  if (!output.json) for (const { error } of failures) output.warn(error.message);
  const sources = failures.map(({ source }) => source);
  throw new PodfreightError(first.error.code, `${failures.length} of these could not be looked at.`, {
    subject: { sources },
  });
}

/** For `--json`. */
export function failureJson({ source, error: { code, message } }: Failed) {
  return { source, code, message };
}
