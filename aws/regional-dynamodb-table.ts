import type { ItemTable } from '../core/catalogue/item-table.ts';
import { regionalTable } from '../core/catalogue/regional-table.ts';
import { type Regions, regionOf } from '../core/regions.ts';
import { dynamodbItemTable } from './dynamodb-catalogue.ts';
import { dynamodbClient } from './dynamodb-client.ts';

/**
 * The global table: an archive's items in the region of its bucket, everything else in `nearest`. What is in a bucket of none of
 * the regions is in `nearest`, too.
 */
export function regionalDynamodbTable(
  tableName: string,
  regions: Regions,
  nearest: ItemTable,
  client = (region: string) => dynamodbClient({ region }),
): ItemTable {
  const copies = new Map<string, ItemTable>();
  return regionalTable(nearest, ({ bucket }) => {
    const region = regionOf({ bucket }, regions);
    if (region === undefined) return nearest;
    const copy = copies.get(region) ?? dynamodbItemTable(tableName, client(region));
    copies.set(region, copy);
    return copy;
  });
}
