import type { ItemTable } from '../core/catalogue/item-table.ts';
import { tableCatalogue } from '../core/catalogue/table-catalogue.ts';
import { tableSurvey } from '../core/catalogue/table-survey.ts';
import type { RemovalContext } from '../core/custody/remove-archives.ts';
import { tableCustodies } from '../core/custody/table-custodies.ts';
import { S3ArchiveKeeper } from './s3-archive-keeper.ts';
import { S3ArchiveStore } from './s3-archive-store.ts';
import { S3Clients } from './s3-clients.ts';

/** What removing and holding archives takes. @param table in which an archive's items are those of its bucket's region */
export function removalContext(table: ItemTable, s3 = new S3Clients()): RemovalContext {
  return {
    store: new S3ArchiveStore(s3),
    keeper: new S3ArchiveKeeper(s3),
    catalogue: tableCatalogue(table),
    survey: tableSurvey(table),
    custodies: tableCustodies(table),
    now: () => new Date(),
  };
}
