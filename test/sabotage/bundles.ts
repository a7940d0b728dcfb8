import { type Sabotage, sabotagesOf } from './sabotage.ts';

const RECONCILE = ['test/core/reconcile/reconcile.test.ts'];
const REQUESTS = ['test/e2e/bundle-requests.test.ts'];

/** What a bundle costs, and what is told of one whose item was lost. */
export const BUNDLES: readonly Sabotage[] = [
  ...sabotagesOf('core/bundle/bundle-record.ts', RECONCILE, [
    ['whatever has the key of a bundle is taken for it', ' || bundleKey(id, index.format) !== object.location.key', ''],
    ['other bytes tell where a pod came from', '.filter((pod) => pod.sha256 === sha256)', ''],
    [
      'one of several nodes is taken',
      '  return agree && cursor === undefined ? copies[0]',
      '  return true ? copies[0]',
    ],
  ]),
  ...sabotagesOf('core/reconcile/heal.ts', RECONCILE, [
    [
      'a bundle that was recorded meanwhile is recorded again',
      '    if ((await catalogue.bundle(bundle.bundleId, region))?.etag === bundle.etag) return false;\n',
      '',
    ],
  ]),
  ...sabotagesOf('core/reconcile/reconcile.ts', RECONCILE, [
    [
      'a bundle is recorded while whoever made it may be about to',
      '    if (isYoung(object, context)) return { young: 1 };\n    return attempt(',
      '    return attempt(',
    ],
  ]),
  ...sabotagesOf('aws/s3-source.ts', REQUESTS, [
    [
      'a slow read is asked for twice, whoever pays',
      'wholeBytes > 0 ? new PatientLimiter',
      'false ? new PatientLimiter',
    ],
  ]),
  ...sabotagesOf('lambda/create-bundle.ts', REQUESTS, [
    ['the function waits no longer than anybody', 'answerTimeoutMs: SILENCE_MS, stallMs: SILENCE_MS', ''],
    ['one read is several requests', '{ wholeBytes: S3_PART_LIMITS.uploadPartBytes }', '{ wholeBytes: 1 }'],
  ]),
  ...sabotagesOf('core/open-if-there.ts', REQUESTS, [
    ['a missing bundle takes two requests', '{ tailBytes: 1 }', '{ tailBytes: 0 }'],
  ]),
];
