import { inOrder } from './archive/in-order.ts';
import { type PushOptions, type PushResult, push } from './push.ts';
import type { Shipment } from './shipment.ts';

/** Content under way at once, unless one pod has more: what bounds memory. */
const BYTES_AT_ONCE = 32 * 1024 * 1024;
/** A small pod mostly waits for answers, so several wait together. */
const PUSHES_AT_ONCE = 8;

/**
 * Pushes all, in their order; small ones side by side.
 * @throws PodfreightError as {@link push}, of the first in order that fails; those behind it may be stored already
 */
export function pushAll(shipments: readonly Shipment[], options: PushOptions): AsyncIterable<PushResult> {
  const window = {
    size: BYTES_AT_ONCE,
    weigh: ({ contentBytes }: Shipment) => Math.max(contentBytes, BYTES_AT_ONCE / PUSHES_AT_ONCE),
  };
  return inOrder(shipments, window, async (shipment) => {
    options.signal?.throwIfAborted();
    return await push(shipment, options);
  });
}
