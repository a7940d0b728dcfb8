import type { ItemTable } from '../../core/catalogue/item-table.ts';

/** What a function is in the middle of when its process is killed. */
export class Killed extends Error {}

/** The table for one invocation: after `callsLeft` calls nothing of that invocation reaches it any more. */
export function mortalTable(table: ItemTable, callsLeft: number): ItemTable {
  let left = callsLeft;
  const call = <T>(act: () => Promise<T>): Promise<T> => {
    left -= 1;
    return left < 0 ? Promise.reject(new Killed()) : act();
  };
  return {
    get: (key) => call(() => table.get(key)),
    put: (item, condition) => call(() => table.put(item, condition)),
    putAll: (items) => call(() => table.putAll(items)),
    removeAll: (keys) => call(() => table.removeAll(keys)),
    remove: (key, condition) => call(() => table.remove(key, condition)),
    query: (query) => call(() => table.query(query)),
    scan: (startAfter) => call(() => table.scan(startAfter)),
  };
}
