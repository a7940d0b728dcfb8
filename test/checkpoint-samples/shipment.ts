import assert from 'node:assert/strict';
import type { ArchiveFormat } from '../../core/archive/format.ts';
import { groupByPod } from '../../core/checkpoint/pod-groups.ts';
import { shipContainers } from '../../core/checkpoint/ship-containers.ts';
import type { Shipment } from '../../core/shipment.ts';
import type { SampleContainer } from './container.ts';
import { crioArchive } from './cri-o.ts';
import { digestsOf, sampleFile } from './found.ts';
import type { Piece } from './pieces.ts';

/** The archives of one pod's containers, as they go to S3. */
export async function sampleShipment(
  samples: readonly SampleContainer[],
  {
    archive = crioArchive,
    format = 'tar+zstd',
  }: { archive?: (sample: SampleContainer) => Piece[]; format?: ArchiveFormat } = {},
): Promise<Shipment> {
  const files = await Promise.all(samples.map((sample) => sampleFile(sample, archive(sample))));
  const { pods, loose } = groupByPod(files);
  assert.deepEqual([pods.length, loose.length], [1, 0]);
  return shipContainers(pods[0]!, await digestsOf(files), format);
}
