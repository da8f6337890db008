import { type DataSource, MigrationExecutor } from 'typeorm';
import { createDataSource, type DatabaseAddress } from './data-source.js';

/** Any constant: nodes that start together take turns on it (`pg_advisory_lock`). */
const MIGRATION_LOCK = 7_219_053;

/**
 * Applies the migrations that are missing, once however many nodes start together.
 *
 * @throws when the database cannot be reached or a migration fails; nothing of the failed one is kept
 */
export async function migrate(dataSource: DataSource): Promise<void> {
  const runner = dataSource.createQueryRunner();
  try {
    await runner.query('SET statement_timeout = 0'); // a migration may take long, and so may waiting for another node's
    await runner.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const executor = new MigrationExecutor(dataSource, runner); // on this connection, the one without the time limit
    executor.transaction = 'each';
    await executor.executePendingMigrations();
  } finally {
    await runner.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]).catch(() => undefined);
    await runner.query('RESET statement_timeout').catch(() => undefined);
    await runner.release();
  }
}

/** The same for a database that nothing is connected to yet. */
export async function migrateDatabase(address: DatabaseAddress): Promise<void> {
  const dataSource = await createDataSource(address).initialize();
  try {
    await migrate(dataSource);
  } finally {
    await dataSource.destroy();
  }
}
