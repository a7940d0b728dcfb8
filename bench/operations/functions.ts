import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { measure } from '../measure.ts';
import type { Operation } from '../operation.ts';

const COLD_START = join(import.meta.dirname, '../cold-start.ts');

export const functions: Operation = {
  name: 'functions',
  what: 'size, import time and memory of the functions as they ship',
  async run(bench) {
    if (!existsSync(COLD_START)) return { results: [], notes: ['cold-start.ts is not here.'] };
    const { stdout } = await measure([process.execPath, COLD_START, `${3 * bench.runs}`], bench.environment);
    return { results: [], notes: stdout.trim().split('\n') };
  },
};
