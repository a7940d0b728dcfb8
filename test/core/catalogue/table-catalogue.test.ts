import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tableCatalogue } from '../../../core/catalogue/table-catalogue.ts';
import { archiveRecord, catalogueContract, podRecord } from '../../contracts/catalogue.ts';
import { catalogueConvergence } from '../../contracts/catalogue-convergence.ts';
import { catalogueSurveyContract } from '../../contracts/catalogue-survey.ts';
import { itemTableContract } from '../../contracts/item-table.ts';
import { memoryCatalogue } from '../../memory/catalogue.ts';
import { MemoryItemTable } from '../../memory/item-table.ts';

catalogueContract('in memory', memoryCatalogue);
catalogueConvergence('in memory', () => new MemoryItemTable(), 300);
itemTableContract('in memory', () => new MemoryItemTable());
catalogueSurveyContract('in memory', () => new MemoryItemTable());

test('does not show the pods of a late event for a moment', async () => {
  const table = new MemoryItemTable();
  const late = archiveRecord({ sequencer: '0010' });
  await tableCatalogue(table).record({ ...late, state: 'deleted', sequencer: '0011' }, []);
  table.put = table.putAll = async () => assert.fail('written');
  assert.equal(await tableCatalogue(table).record(late, [podRecord(late)]), false);
});
