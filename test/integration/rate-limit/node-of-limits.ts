import type { DataSource } from 'typeorm';
import { createDataSource } from '../../../src/database/data-source.js';
import { Database } from '../../../src/database/database.js';
import { systemClock } from '../../../src/kernel/clock.js';
import {
  type Hits,
  RateWindows,
  type StoredWindow,
} from '../../../src/rate-limit/persistence/rate-windows.js';
import { PostgresStorage } from '../../../src/rate-limit/postgres-storage.js';

/** The real table, which remembers how many keys each statement had. */
export class CountingWindows extends RateWindows {
  readonly batches: number[] = [];

  override add(hits: readonly Hits[]): Promise<StoredWindow[]> {
    this.batches.push(hits.length);
    return super.add(hits);
  }
}

/** What one node has of the rate limit, with a connection pool of its own. */
export interface LimitNode {
  readonly storage: PostgresStorage;
  readonly table: CountingWindows;
  readonly dataSource: DataSource;
  close(): Promise<void>;
}

export async function startLimitNode(url: string): Promise<LimitNode> {
  const dataSource = await createDataSource({ url }).initialize();
  const table = new CountingWindows(new Database(dataSource));
  const storage = new PostgresStorage(table, systemClock);
  const close = async () => {
    await storage.onModuleDestroy();
    await dataSource.destroy();
  };
  return { storage, table, dataSource, close };
}

let keys = 0;

/** A key that no other test of the file has. */
export const aKey = (): string => `key-${++keys}`;

/** The stored count of a key. */
export async function storedHits({ dataSource }: LimitNode, key: string): Promise<number> {
  const rows: { hits: number }[] = await dataSource.query('SELECT hits FROM rate_windows WHERE key = $1', [
    key,
  ]);
  return rows[0]?.hits ?? 0;
}
