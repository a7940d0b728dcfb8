import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openArchive } from '../../../core/archive/reader.ts';
import { archiveOf, incompressible } from '../catalogue/archives.ts';
import { MemorySource } from './memory-source.ts';

const PODS = ['a', 'b', 'c'].map((sandboxId) => ({ sandboxId, content: incompressible(300_000) }));

for (const format of ['tar', 'tar+zstd', 'tar+gzip'] as const) {
  test(`members(wanted) yields just those from ${format}, and with an index reads no others`, async () => {
    const bytes = await archiveOf(PODS, { format });
    const source = new MemorySource(bytes);
    let readBytes = 0;
    const archive = await openArchive({
      name: source.name,
      sizeBytes: source.sizeBytes,
      read(range) {
        readBytes += range.end - range.start;
        return source.read(range);
      },
      stream: (range) => source.stream(range),
      close: () => source.close(),
    });
    const names: string[] = [];
    for await (const { member, data } of archive.members(new Set(['b.tar']))) {
      names.push(member.name);
      const chunks = await Array.fromAsync(data);
      assert.ok(Buffer.concat(chunks).equals(PODS[1]!.content));
    }
    assert.deepEqual(names, ['b.tar']);
    if (archive.index !== undefined) assert.ok(readBytes < 600_000, `${readBytes} of ${bytes.length} bytes`);
  });
}
