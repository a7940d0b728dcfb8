import { S3_PART_LIMITS } from '../../core/bundle/part-limits.ts';
import { type Counted, type Counts, LARGE_BYTES } from './count.ts';
import { bundlePuts, checkModel, dollarsOf, MEMORY_GIB, pullGets, pushPuts, SECONDS } from './model.ts';
import { KNOWN_IN, PRICED_REGION, PRICES } from './prices.ts';

const MiB = 1024 ** 2;
const GB = 1e9;
const NOTHING: Counts = { s3Put: 0, s3Get: 0, dynamodbWrite: 0, dynamodbRead: 0, invocations: 0 };

/** A month of a middling cluster. */
const MONTH = { checkpoints: 6000, gibEach: 1, keptDays: 30, bundles: 300, podsEach: 8 };
const DAYS = 30;
/** Alarms watch that many metrics; functions count that many. Five pollers ask the queue, for 20 s each time. */
export const FIXED = { alarmMetrics: 13, ownMetrics: 19, pollsAMonth: 5 * 3 * 60 * 24 * DAYS };

/** docs/cost.md, of what was counted. @throws Error when the model does not fit it */
export function costDocument(counted: Counted): string {
  checkModel(counted);
  const { catalogue, bundle, largeBytes, bundleBytes } = counted;
  const ratio = LARGE_BYTES / largeBytes;
  const catalogued: Counts = { ...catalogue, invocations: 1 };
  const pull = (one: Counts): Counts => ({ ...one, s3Get: pullGets(bundleBytes) });
  const functionSeconds = (name: keyof typeof SECONDS) => SECONDS[name] * MEMORY_GIB[name];
  const steps: [string, Counts, number][] = [
    [`push a pod of 1 MiB`, counted.pushSmall, 0],
    [`push a pod of 256 MiB, ${mib(largeBytes)} in S3`, counted.pushLarge, 0],
    ['catalogue an archive of one pod', catalogued, functionSeconds('catalogue')],
    [`bundle two of those of 256 MiB, ${mib(bundleBytes)}`, bundle, functionSeconds('bundle')],
    ['pull that bundle', pull(counted.pullBundle), 0],
    ['pull its pods without a bundle', pull(counted.pullPods), 0],
  ];

  const archiveBytes = (MONTH.gibEach * 1024 * MiB) / ratio;
  const pushed: Counts = { ...NOTHING, s3Put: pushPuts(archiveBytes), s3Get: counted.pushLarge.s3Get };
  const bundled: Counts = { ...bundle, s3Put: bundlePuts(Array(MONTH.podsEach).fill(archiveBytes)) };
  const pulled: Counts = { ...NOTHING, s3Get: pullGets(MONTH.podsEach * archiveBytes) };
  const storedGb = (MONTH.checkpoints * (MONTH.keptDays / DAYS) * archiveBytes) / GB;
  const month: [string, number][] = [
    [`${MONTH.checkpoints} pushes`, MONTH.checkpoints * dollarsOf(pushed)],
    [
      `${MONTH.checkpoints} of them catalogued`,
      MONTH.checkpoints * dollarsOf(catalogued, functionSeconds('catalogue')),
    ],
    [
      `${MONTH.bundles} bundles of ${MONTH.podsEach} pods`,
      MONTH.bundles * dollarsOf(bundled, functionSeconds('bundle')),
    ],
    [`${MONTH.bundles} of them pulled`, MONTH.bundles * dollarsOf(pulled)],
    [`${Math.round(storedGb)} GB of archives in S3`, storedGb * PRICES.s3Storage.dollars],
    ['the key, from its third year on', 3 * PRICES.kmsKey.dollars],
    ['alarms and metrics', FIXED.alarmMetrics * PRICES.alarm.dollars + FIXED.ownMetrics * PRICES.metric.dollars],
    ['asking an empty queue', FIXED.pollsAMonth * PRICES.sqs.dollars],
  ];
  const total = month.reduce((sum, [, dollars]) => sum + dollars, 0);

  return `# What it costs

Printed by \`npm run cost\`, which does the main job on the embedded stack and counts what AWS would be asked; a test holds this page
to it. Bytes are pages of real processes, scaled up; zstd makes them ${ratio.toFixed(1)} times smaller. Prices are of ${PRICED_REGION},
as known in ${KNOWN_IN} (those of SQS and CloudWatch not from AWS's own pages, which \`bench/cost/prices.ts\` names and which count), without
free tiers. How long a function runs is not counted but taken: ${SECONDS.catalogue} s at ${MEMORY_GIB.catalogue * 1024} MiB to
catalogue, ${SECONDS.bundle} s at ${MEMORY_GIB.bundle * 1024} MiB to bundle. Nothing of this is from a bill of AWS yet.

## Each step

| | S3 PUT, LIST | S3 GET | table writes | reads | functions | in all |
|---|---|---|---|---|---|---|
${steps.map(([what, counts, gibSeconds]) => row(what, counts, gibSeconds)).join('\n')}

The last column is what a million such steps cost. Table writes are units of 1 KB, each index one
more; reads of 4 KB. An event is sent to the queue, received and deleted: at most three requests to SQS, fewer in batches of ten.
Pulls say how many GETs they take at most; they ask for 2 to 4 MiB at once, as it goes.

## How it grows

- **A push** takes one PUT up to 8 MiB in S3, and beyond that 3 and one for each 8 MiB.
- **Cataloguing** reads two or three ranges, however large the archive is, and writes one item, one for each pod, and up to five for
  each container: of one that a manifest alone tells of, one.
- **A bundle** takes 5 PUTs and one for about each ${S3_PART_LIMITS.copyPartBytes / MiB} MiB of each archive. S3 copies: bytes pass neither through the function nor through
  the one who asked. It is stored a second time.
- **A pull** takes at most one GET for each 2 MiB. Within the region S3 charges no transfer, unless the way leads through a NAT
  gateway: give the nodes' network a gateway endpoint for S3, which is free.
- **To another region**, bundling and pulling cost ${money(PRICES.transfer.dollars)} for each GB besides. Each region more has its own key,
  alarms and queue, and every table write is paid in each.

## A month

${MONTH.checkpoints} checkpoints of ${MONTH.gibEach} GiB, ${Math.round(archiveBytes / MiB)} MiB each in S3, kept for ${MONTH.keptDays} days; ${MONTH.bundles} bundles of ${MONTH.podsEach} pods, each pulled once.

| | |
|---|---|
${month.map(([what, dollars]) => `| ${what} | ${money(dollars)} |`).join('\n')}
| **in all** | **${money(total)}** |

What decides is how much is kept. Bundles (if they are), access logs and the functions' logs come on top: some hundred bytes a request
and about 1 KB an archive. The key is asked once in a while for a whole bucket (bucket keys), ${money(PRICES.kmsRequest.dollars * 1e4)} for 10,000 times.

## Prices

| | |
|---|---|
${Object.values(PRICES)
  .map(({ dollars, per, source }) => `| [${per}](${source}) | $${plain(dollars)} |`)
  .join('\n')}
`;
}

function row(what: string, counts: Counts, gibSeconds: number): string {
  const { s3Put, s3Get, dynamodbWrite, dynamodbRead, invocations } = counts;
  const millionths = dollarsOf(counts, gibSeconds) * 1e6;
  const cells = [s3Put, s3Get, dynamodbWrite, dynamodbRead, invocations].map((count) => count || '');
  return `| ${[what, ...cells, `$${millionths.toFixed(0)} a million`].join(' | ')} |`;
}

function mib(bytes: number): string {
  return `${Math.round(bytes / MiB)} MiB`;
}

function money(dollars: number): string {
  return `$${dollars.toFixed(2)}`;
}

/** All its digits, and no exponent. */
function plain(dollars: number): string {
  return dollars.toFixed(12).replace(/\.?0+$/, '');
}
