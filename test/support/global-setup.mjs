import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';

const TEMPLATE = 'parley_template';

/** Starts the one PostgreSQL of this run and prepares the database that each test file gets a copy of. */
export default async function globalSetup() {
  const { openEmbeddedDatabase } = await built('database/embedded/open.js');
  const directory = await mkdtemp(join(tmpdir(), 'parley-test-'));
  await chmod(directory, 0o755); // as root, PostgreSQL's own account must get in
  const database = await openEmbeddedDatabase({ dataDir: directory, purpose: 'server' });
  const stop = async () => {
    await database.stop();
    await rm(directory, { recursive: true, force: true });
  };
  globalThis.parleyStopTestDatabase = stop;
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.once(signal, () => void stop().finally(() => process.exit(130)));
  try {
    await prepareTemplate(database.connection);
  } catch (error) {
    await stop();
    throw error;
  }
  process.env.PARLEY_TEST_CLUSTER = JSON.stringify({ ...database.connection, template: TEMPLATE });
}

async function prepareTemplate(connection) {
  const { migrateDatabase } = await built('database/migrate.js');
  await withClient({ ...connection, database: 'postgres' }, async (client) => {
    // These tests outlive no power cut, so waiting for the disk proves nothing.
    await client.query('ALTER SYSTEM SET fsync = off');
    await client.query('SELECT pg_reload_conf()');
    await client.query(`CREATE DATABASE ${TEMPLATE}`);
  });
  await migrateDatabase({ ...connection, database: TEMPLATE });
  await withClient({ ...connection, database: 'postgres' }, (client) =>
    client.query(`ALTER DATABASE ${TEMPLATE} WITH IS_TEMPLATE true ALLOW_CONNECTIONS false`),
  );
}

async function built(path) {
  const url = new URL(`../../dist/${path}`, import.meta.url);
  try {
    return await import(url.href);
  } catch (cause) {
    throw new Error(`dist/${path} does not load (${cause.message}): run "npm run build"`, { cause });
  }
}

async function withClient(connection, use) {
  const client = new pg.Client(connection);
  await client.connect();
  try {
    await use(client);
  } finally {
    await client.end();
  }
}
