import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { PodfreightError } from '../../core/errors.ts';

/**
 * The messages that are in the queue and not handled yet, because the queue itself lives in memory: at the next start
 * they are sent again. Belongs to one process at a time.
 */
export class EventJournal {
  readonly #database: DatabaseSync;

  /** @throws PodfreightError `busy` when another embedded stack uses the file */
  constructor(path: string) {
    this.#database = new DatabaseSync(path);
    try {
      this.#database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
      this.#database.exec('CREATE TABLE IF NOT EXISTS message(id TEXT PRIMARY KEY, queue TEXT, body TEXT) STRICT');
    } catch (cause) {
      this.#database.close();
      throw new PodfreightError(
        'busy',
        `Another embedded stack is using ${dirname(path)}; stop it or take another folder.`,
        {
          cause,
          subject: { path },
        },
      );
    }
  }

  add(id: string, queueArn: string, body: string): void {
    this.#database.prepare('INSERT OR REPLACE INTO message VALUES(?, ?, ?)').run(id, queueArn, body);
  }

  remove(ids: readonly string[]): void {
    const remove = this.#database.prepare('DELETE FROM message WHERE id = ?');
    for (const id of ids) remove.run(id);
  }

  /** The same message under another id, in another queue. */
  move(id: string, { messageId, queueArn }: { readonly messageId: string; readonly queueArn: string }): void {
    this.#database.prepare('UPDATE message SET id = ?, queue = ? WHERE id = ?').run(messageId, queueArn, id);
  }

  /** Oldest first. */
  pending(): { readonly id: string; readonly queueArn: string; readonly body: string }[] {
    const rows = this.#database.prepare('SELECT id, queue, body FROM message ORDER BY rowid').all();
    return rows.map(({ id, queue, body }) => ({ id: String(id), queueArn: String(queue), body: String(body) }));
  }

  close(): void {
    this.#database.close();
  }
}
