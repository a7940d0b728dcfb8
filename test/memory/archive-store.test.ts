import { archiveStoreContract } from '../contracts/archive-store.ts';
import { MemoryArchiveStore } from './archive-store.ts';

archiveStoreContract('in memory', async () => {
  const store = new MemoryArchiveStore(['archives']);
  return {
    store,
    bucket: 'archives',
    overwrite: async (location, bytes) => void store.overwrite(location, bytes),
    remove: async (location) => store.remove(location),
    unfinishedUploads: async () => 0,
    close: async () => {},
  };
});
