import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RequestRecord } from '../../infra/local/s3/server.ts';
import { startStack } from '../../infra/local/stack.ts';
import type { Bench } from '../bench.ts';
import { measure } from '../measure.ts';
import type { Operation, Outcome } from '../operation.ts';
import { s3tarArithmetic } from '../s3tar.ts';
import { resultOf } from '../sample.ts';

/**
 * Counted, not timed: what a bundle takes of S3 is the same on the embedded stack as on AWS, how long it takes is not.
 * @param storedShare of the pods' bytes, for the room it takes
 */
function bundle(name: string, compress: 'none' | 'zstd', storedShare: number): Operation {
  return {
    name,
    what: `bundles 8 pods of the whole size each, pushed with \`-c ${compress}\`, on the embedded stack`,
    async run(bench) {
      bench.needRoom(8 * bench.sizeBytes * storedShare);
      const folder = join(bench.disk, 'stack');
      try {
        return await bundleEight(bench, folder, compress);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
}

async function bundleEight(bench: Bench, dir: string, compress: string): Promise<Outcome> {
  const { directory, podBytes } = await bench.inputs.eightTimes();
  let records: RequestRecord[] = [];
  await using stack = await startStack({ dir, s3: { onRequest: (record) => records.push(record) } });
  const environment = { ...bench.environment, ...stack.environment };
  await measure(bench.podfreight('push', directory, '-c', compress), environment);
  await stack.settled();
  records = [];
  const run = await measure(bench.podfreight('bundle', '--namespace', 'bench', '--json'), environment);
  const { sizeBytes } = JSON.parse(run.stdout) as { sizeBytes: number };
  const sum = (of: (record: RequestRecord) => number) => records.reduce((total, record) => total + of(record), 0);
  const sample = {
    seconds: run.seconds,
    writtenBytes: sizeBytes,
    requests: records.length,
    bytesIn: sum(({ bytesIn }) => bytesIn),
    bytesOut: sum(({ bytesOut }) => bytesOut),
  };
  const kinds = Object.entries(Object.groupBy(records, ({ operation }) => operation));
  const reads = records.filter(({ operation }) => /^(Get|Head)/.test(operation)).length;
  return {
    results: [resultOf('podfreight', [sample])],
    notes: [
      `Requests to S3: ${records.length - reads} that write or list, ${reads} that read: ${kinds.map(([operation, some = []]) => `${some.length} ${operation}`).join(', ')}.`,
      s3tarArithmetic(8, podBytes),
    ],
  };
}

export const bundleNone = bundle('bundle-none', 'none', 1.1);
export const bundleZstd = bundle('bundle-zstd', 'zstd', 0.4);
