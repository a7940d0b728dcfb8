import { readdirSync } from 'node:fs';
import { setPriority } from 'node:os';

/** Lets others go first. In Linux each thread has its own niceness, and those to come inherit it. */
export function beNice(niceness: number): void {
  for (const thread of readdirSync('/proc/self/task')) {
    try {
      setPriority(Number(thread), niceness);
    } catch {
      // It has ended, or others would have to step back further than we may let them: not worth an exit.
    }
  }
}
