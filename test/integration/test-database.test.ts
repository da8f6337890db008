import pg from 'pg';
import { DataSource } from 'typeorm';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

describe('a test database', () => {
  let database: TestDatabase;
  let other: TestDatabase;

  beforeAll(async () => {
    [database, other] = await Promise.all([createTestDatabase(), createTestDatabase()]);
  });
  afterAll(async () => {
    await Promise.all([database.drop(), other.drop()]);
  });

  it('has the tables and is reached by its address and by its URL', async () => {
    const byAddress = await query(database.connection);
    const byUrl = await query({ connectionString: database.url });
    expect(byAddress).toEqual({ name: database.connection.database, messages: 'messages' });
    expect(byUrl).toEqual(byAddress);
  });

  it('is reached by TypeORM through its URL', async () => {
    const source = await new DataSource({ type: 'postgres', url: database.url }).initialize();
    const rows = await source.query<{ name: string }[]>('SELECT current_database() AS name');
    await source.destroy();
    expect(rows).toEqual([{ name: database.connection.database }]);
  });

  it('is nobody else’s', () => {
    expect(other.connection.database).not.toBe(database.connection.database);
  });
});

async function query(config: pg.ClientConfig): Promise<unknown> {
  const client = new pg.Client(config);
  await client.connect();
  const { rows } = await client.query<Record<string, string>>(
    "SELECT current_database() AS name, to_regclass('messages')::text AS messages",
  );
  await client.end();
  return rows[0];
}
