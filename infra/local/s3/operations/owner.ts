/** Whose all buckets and objects are. */
export const owner = { ID: 'local', DisplayName: 'local' };
