/**
 * The physical table: all keys are strings, all indexes project everything. Infrastructure creates it from this constant,
 * so a change here is a change of every deployed table. docs/catalogue.md says what lies where.
 */
export const CATALOGUE_TABLE = {
  partitionKey: 'pk',
  sortKey: 'sk',
  /** An item with this attribute (seconds since 1970) is removed some time after it. */
  timeToLive: 'expiresAt',
  /** Sparse: an item is in an index when it has the attribute of its name. */
  indexes: [
    { name: 'subject', partitionKey: 'subject', sortKey: 'listedAt' },
    { name: 'namespace', partitionKey: 'namespace', sortKey: 'listedAt' },
    { name: 'node', partitionKey: 'node', sortKey: 'listedAt' },
    { name: 'cluster', partitionKey: 'cluster', sortKey: 'listedAt' },
    { name: 'sandbox', partitionKey: 'sandbox', sortKey: 'listedAt' },
    // By key, as S3 lists a bucket: the two can be compared side by side.
    { name: 'bucket', partitionKey: 'bucket', sortKey: 'pk' },
  ],
} as const;

export type IndexName = (typeof CATALOGUE_TABLE.indexes)[number]['name'];
