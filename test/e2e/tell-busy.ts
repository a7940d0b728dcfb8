/** A preload that makes the file `BUSY` when its process has found a lock taken. */
import { writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

const SQLITE_BUSY = 5;
const path = process.env.BUSY;
if (path !== undefined) {
  const { exec } = DatabaseSync.prototype;
  DatabaseSync.prototype.exec = function (this: DatabaseSync, sql: string) {
    try {
      exec.call(this, sql);
    } catch (error) {
      if ((((error as { errcode?: number }).errcode ?? 0) & 0xff) === SQLITE_BUSY) writeFileSync(path, '');
      throw error;
    }
  };
}
