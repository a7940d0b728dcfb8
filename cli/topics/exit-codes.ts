import type { ErrorCode } from '../../core/errors.ts';
import { EXIT_CODES } from '../exit-codes.ts';
import type { Topic } from './topic.ts';

const MEANINGS: Readonly<Record<ErrorCode, string>> = {
  internal: 'a defect of podfreight',
  usage: 'a flag, argument or setting is missing or wrong',
  'not-found': 'no such file, directory, bucket, object, pod or bundle',
  'invalid-manifest': 'checkpointed.pods cannot be read as one',
  'invalid-archive': 'a file is no archive, breaks a rule of its format, or ends early',
  'corrupt-archive': 'an archive has not the bytes that its digests promise',
  unsupported: 'understood, but nothing that podfreight does',
  conflict: 'the name is taken by something else',
  'source-changed': 'something changed while it was read',
  busy: 'another process holds the directory',
  'no-credentials': 'none were found, or they have expired',
  'access-denied': 'by AWS or by the file system',
  unreachable: 'an endpoint does not answer',
  service: 'AWS answered with a failure',
  'no-space': 'the file system is full',
  io: 'any other failure of the file system',
  held: 'a hold keeps an archive from being removed',
  interrupted: 'by SIGINT; 143 by SIGTERM',
};

export const topic: Topic = {
  title: 'Exit codes',
  paragraphs: [
    '0 means done, and for what was written that it survives a power cut. A failure is one sentence on stderr, with ' +
      '--json an object {"error":{"code","message",…}}, whose code is one of these words.',
  ],
  entries: Object.entries(EXIT_CODES).map(([code, number]) => [
    `${String(number).padStart(3)} ${code}`,
    MEANINGS[code as ErrorCode],
  ]),
};
