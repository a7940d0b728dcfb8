import assert from 'node:assert/strict';
import { test } from 'node:test';
import { POD_COLUMNS } from '../../cli/checkpoint-columns.ts';
import { archiveRecord, podRecord } from '../contracts/catalogue.ts';

test('a time that cannot be is shown beside the one that counts', () => {
  const record = podRecord(archiveRecord());
  const shown = (claimedAt?: string) => POD_COLUMNS.Checkpointed?.({ ...record, ...(claimedAt && { claimedAt }) });
  assert.equal(shown(), '2026-11-22T13:20:00Z');
  assert.equal(shown('2099-01-01T00:00:00Z'), '2026-11-22T13:20:00Z (says 2099-01-01T00:00:00Z)');
});
