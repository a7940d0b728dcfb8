import assert from 'node:assert/strict';
import { test } from 'node:test';
import { groupByPod } from '../../../core/checkpoint/pod-groups.ts';
import { roundsOf } from '../../../core/checkpoint/rounds.ts';
import { sampleContainer } from '../../checkpoint-samples/container.ts';
import { sampleFile } from '../../checkpoint-samples/found.ts';

const at = async (container: string, time: string) => {
  const checkpointedAt = `2026-11-22T${time}Z`;
  return await sampleFile(sampleContainer({ container, checkpointedAt, pagesBytes: 4096 }));
};

async function rounds(...taken: (readonly [container: string, time: string])[]): Promise<string[][]> {
  const [group] = groupByPod(await Promise.all(taken.map(([container, time]) => at(container, time)))).pods;
  return roundsOf(group!).map(({ archives }) =>
    archives.map(({ container }) => {
      const { containerName, checkpointedAt } = container.identity;
      return `${containerName} ${checkpointedAt!.toISOString().slice(11, 19)}`;
    }),
  );
}

test('one of each container goes together, the newest first', async () => {
  assert.deepEqual(await rounds(['a', '10:00:00'], ['b', '10:00:05'], ['a', '10:05:00'], ['b', '10:05:05']), [
    ['a 10:05:00', 'b 10:05:05'],
    ['a 10:00:00', 'b 10:00:05'],
  ]);
});

test('what is ten minutes older goes by itself', async () => {
  assert.deepEqual(await rounds(['a', '10:00:00'], ['b', '10:10:00'], ['c', '10:10:01']), [
    ['b 10:10:00', 'c 10:10:01'],
    ['a 10:00:00'],
  ]);
});
