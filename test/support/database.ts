import { randomBytes } from 'node:crypto';
import pg from 'pg';

/** How to reach a database of the test cluster. */
export interface TestConnection {
  host: string;
  port: number;
  user: string;
  database: string;
}

/** A migrated, empty database for one test file. */
export interface TestDatabase {
  /** For DATABASE_URL, node-postgres, TypeORM and psql. */
  url: string;
  connection: TestConnection;
  /** Ends all its sessions and removes it. */
  drop(): Promise<void>;
}

/** Clones the migrated template, which takes some 30 ms: call it in `beforeAll`, and `drop` in `afterAll`. */
export async function createTestDatabase(): Promise<TestDatabase> {
  return create('TEMPLATE');
}

/** A database without any table, for the tests of the migrations themselves. */
export async function createEmptyDatabase(): Promise<TestDatabase> {
  return create('EMPTY');
}

/** The connection string of a database that is reached by a Unix socket. */
export function urlOf({ host, port, user, database }: TestConnection): string {
  return `postgresql://${user}@localhost/${database}?host=${encodeURIComponent(host)}&port=${port}`;
}

async function create(kind: 'TEMPLATE' | 'EMPTY'): Promise<TestDatabase> {
  const { template, ...cluster } = testCluster();
  const database = `test_${randomBytes(6).toString('hex')}`;
  await administer(`CREATE DATABASE ${database} TEMPLATE ${kind === 'TEMPLATE' ? template : 'template0'}`);
  const connection = { ...cluster, database };
  return {
    url: urlOf(connection),
    connection,
    drop: () => administer(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`),
  };
}

function testCluster(): TestConnection & { template: string } {
  const cluster = process.env.PARLEY_TEST_CLUSTER;
  if (cluster === undefined)
    throw new Error('no test cluster: only integration and e2e tests have a database');
  return JSON.parse(cluster) as TestConnection & { template: string };
}

async function administer(statement: string): Promise<void> {
  const { host, port, user } = testCluster();
  const client = new pg.Client({ host, port, user, database: 'postgres' });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
