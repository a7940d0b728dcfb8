import { tableCatalogue } from '../../core/catalogue/table-catalogue.ts';
import type { Catalogue } from '../../core/ports.ts';
import { MemoryItemTable } from './item-table.ts';

/** The catalogue with nothing below it. */
export function memoryCatalogue(): Catalogue {
  return tableCatalogue(new MemoryItemTable());
}
