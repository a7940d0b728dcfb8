import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cutAll } from './damage.ts';
import { ALL } from './slice.ts';
import { GNU_TAR, indexOf, SPECIMENS } from './specimens.ts';

/** Every multiple of 512, one less and one more, and with `extra` some more; or every length. */
function lengthsOf({ length }: Buffer, extra: readonly number[] = []): number[] {
  const all = Array.from({ length }, (_, i) => i);
  if (ALL) return all;
  return all.filter((at) => (at + 1) % 512 <= 2 || at % 29 === 0 || extra.includes(at));
}

for (const [name, make] of Object.entries(SPECIMENS)) {
  test(`prevents a cut-off insert of ${name}`, async () => {
    const bytes = await make();
    const end = (await indexOf(bytes))?.endOfTar.end;
    const { accepted } = await cutAll(bytes, lengthsOf(bytes, end === undefined ? [] : [end]));
    // Where just the index is gone, the tar is whole: it reads like one from elsewhere, without digests.
    assert.deepEqual(accepted, end === undefined ? [] : [{ at: end, fate: 'unverified' }]);
  });
}

test('allows an archive of GNU tar that lacks nothing but zeros behind its end', async () => {
  const end = GNU_TAR.findLastIndex((byte) => byte !== 0);
  const endOfTar = Math.ceil((end + 1) / 512) * 512 + 1024;
  const lengths = lengthsOf(GNU_TAR, [endOfTar, endOfTar - 1]);
  const { accepted } = await cutAll(GNU_TAR, lengths);
  assert.deepEqual(
    accepted,
    lengths.filter((at) => at >= endOfTar).map((at) => ({ at, fate: 'unverified' })),
  );
});
