import type { Topic } from './topic.ts';

/** What `podfreight help` explains beside the commands. */
export const topics: Readonly<Record<string, () => Promise<{ readonly topic: Topic }>>> = {
  settings: () => import('./settings.ts'),
  environment: () => import('./environment.ts'),
  files: () => import('./files.ts'),
  'exit-codes': () => import('./exit-codes.ts'),
};
