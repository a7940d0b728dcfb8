import { availableParallelism } from 'node:os';

/** More frames at once than that would only take memory: one thread hashes and checks them all. */
const CODERS_MAX = 8;
/** Threads for files, so that these need not wait behind frames that are coded. */
const FILE_THREADS = 2;

// libuv has four threads unless this says otherwise before it needs the first one.
process.env.UV_THREADPOOL_SIZE ??= String(Math.min(availableParallelism(), CODERS_MAX) + FILE_THREADS);
