import pg from 'pg';
import type { TestConnection } from './database.js';
import { eventually } from './eventually.js';

/** The lock of a log's head, held by nobody else until it is released. */
export interface HeldHead {
  /** Resolves when so many others wait for a lock in this database. */
  waiters(count: number): Promise<void>;
  release(how?: 'COMMIT' | 'ROLLBACK'): Promise<void>;
}

/** Takes the lock of a head, so that a test can line others up behind it: they get it in the order they came. */
export async function holdHead(connection: TestConnection, userId: number): Promise<HeldHead> {
  return holdLock(connection, 'SELECT FROM platform_users WHERE id = $1 FOR NO KEY UPDATE', [userId]);
}

/** Runs a statement in a transaction that stays open until it is released. */
export async function holdLock(
  connection: TestConnection,
  text: string,
  values: unknown[],
): Promise<HeldHead> {
  const [holder, watcher] = [new pg.Client(connection), new pg.Client(connection)];
  await Promise.all([holder.connect(), watcher.connect()]);
  await holder.query('BEGIN');
  await holder.query(text, values);
  return {
    waiters: (count) =>
      eventually(async () => {
        const { rows } = await watcher.query<{ waiting: number }>(
          `SELECT count(*)::int AS waiting FROM pg_stat_activity
           WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        );
        expect(rows[0]?.waiting).toBe(count);
      }),
    release: async (how = 'COMMIT') => {
      await holder.query(how);
      await Promise.all([holder.end(), watcher.end()]);
    },
  };
}

/** Deadlocks in this database so far. Sessions tell of theirs when they end: close the nodes first. */
export async function deadlocks(connection: TestConnection): Promise<number> {
  const client = new pg.Client(connection);
  await client.connect();
  const { rows } = await client.query<{ deadlocks: string }>(
    'SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()',
  );
  await client.end();
  return Number(rows[0]?.deadlocks);
}
