import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseAddress } from './data-source.js';
import { openEmbeddedDatabase } from './embedded/open.js';
import { migrateDatabase } from './migrate.js';

/** Runs `work` on a database of its own, with every migration applied, and removes it afterwards. */
export async function withTemporaryDatabase<T>(work: (address: DatabaseAddress) => Promise<T>): Promise<T> {
  const dataDir = await mkdtemp(join(tmpdir(), 'parley-'));
  const database = await openEmbeddedDatabase({ dataDir, purpose: 'server' });
  try {
    await migrateDatabase(database.connection);
    return await work(database.connection);
  } finally {
    await database.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}
