import { PodfreightError } from '../core/errors.ts';
import type { ComposeOptions, ObjectLocation } from '../core/ports.ts';
import { s3Name } from './errors.ts';
import type { WriteOptions } from './multipart.ts';

/** Runs `work` with an abort of its own, which the caller's signal sets off. */
export async function withAbort<Result>(
  location: ObjectLocation,
  { metadata, signal }: ComposeOptions,
  work: (abort: AbortController, write: WriteOptions) => Promise<Result>,
): Promise<Result> {
  const abort = new AbortController();
  const onAbort = () => abort.abort(new PodfreightError('interrupted', `Writing ${s3Name(location)} was interrupted.`));
  if (signal?.aborted) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    abort.signal.throwIfAborted();
    return await work(abort, { signal: abort.signal, ...(metadata === undefined ? {} : { metadata }) });
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}
