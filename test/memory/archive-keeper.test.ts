import { archiveKeeperContract } from '../contracts/archive-keeper.ts';
import { MemoryArchiveKeeper } from './archive-keeper.ts';
import { VersionedArchiveStore } from './versioned-archive-store.ts';

for (const hasLocks of [false, true]) {
  archiveKeeperContract(hasLocks ? 'in memory with locks' : 'in memory', async () => {
    const store = new VersionedArchiveStore();
    const keeper = new MemoryArchiveKeeper(store, { hasLocks });
    return {
      ...{ keeper, store, bucket: 'archives', hasLocks },
      write: async (key, bytes) => void store.write({ bucket: 'archives', key }, bytes),
      isErasable: async (_, versionId) => !keeper.locked.has(versionId),
      close: async () => {},
    };
  });
}
