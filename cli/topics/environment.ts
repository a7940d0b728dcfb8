import { SETTINGS } from '../settings.ts';
import type { Topic } from './topic.ts';

export const topic: Topic = {
  title: 'Environment',
  paragraphs: ['Credentials and region come from the default chain of the AWS SDK.'],
  entries: [
    ...Object.values(SETTINGS).map(({ variable, what }) => [variable, what] as const),
    ['PODFREIGHT_CONFIG', 'the configuration file, instead of the one in the home directory'],
    ['PODFREIGHT_DEBUG', 'when set, failures also show where in the program they arose'],
    ['XDG_CONFIG_HOME', 'where the folder of the configuration file is, instead of ~/.config'],
    ['AWS_REGION', "the region, unless the profile's"],
    ['AWS_PROFILE', 'the profile of ~/.aws to take credentials and region from'],
    ['AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN', 'credentials'],
    ['AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_S3, …', "another endpoint than AWS's"],
    ['UV_THREADPOOL_SIZE', 'how many threads compress, hash, and read and write files'],
  ],
};
