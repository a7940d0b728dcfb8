import { SETTINGS } from '../settings.ts';
import type { Topic } from './topic.ts';

export const topic: Topic = {
  title: 'Settings',
  paragraphs: [
    'Where things are. Each is looked for in its flag, then the environment, then the configuration file, a JSON object ' +
      'with these names and texts as values. "podfreight configure" writes that file from the outputs of the deployed ' +
      'stack; "podfreight doctor" tells whether it works.',
  ],
  entries: Object.entries(SETTINGS).map(([name, { flag, variable, what, use }]) => [
    name,
    `${what}, for ${use} (${flag}, $${variable})`,
  ]),
};
