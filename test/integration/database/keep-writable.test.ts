import pg from 'pg';
import { keepWritable } from '../../../src/database/keep-writable.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';

describe('a pool that keeps no connection to a server that cannot write', () => {
  let database: TestDatabase;
  let admin: pg.Client;
  let pool: pg.Pool;

  /** What connections find that are opened from now on, as before and after a failover. */
  const serverCanWrite = (can: boolean) =>
    admin.query(
      `ALTER DATABASE "${database.connection.database}" SET default_transaction_read_only = ${!can}`,
    );

  beforeAll(async () => {
    database = await createTestDatabase();
    admin = new pg.Client(database.connection);
    await admin.connect();
    await admin.query('CREATE TABLE said (word text)');
  });
  beforeEach(() => {
    pool = new pg.Pool({ ...database.connection, pipeline: true, max: 1 });
    keepWritable(pool);
  });
  afterEach(() => pool.end());
  afterAll(async () => {
    await admin.end();
    await database.drop();
  });

  it('serves who reads, with a connection each, and who writes as soon as the server can', async () => {
    await serverCanWrite(false);
    pool.on('connect', () => setImmediate(beBusy)); // so that both answers, its own and the reader's, come at once
    const pids = new Set<number>();
    for (let read = 0; read < 20; read++) {
      const { rows } = await pool.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      pids.add(rows[0]?.pid ?? 0);
      expect(pool.totalCount).toBe(0);
    }
    expect(pids.size).toBe(20);
    await serverCanWrite(true);
    await pool.query("INSERT INTO said VALUES ('hello')");
    expect(pool.totalCount).toBe(1);
  });

  it('keeps one that can write', async () => {
    const pid = async (): Promise<unknown> => (await pool.query('SELECT pg_backend_pid() AS pid')).rows;
    const first = await pid();
    expect(await pid()).toEqual(first);
    expect(pool.idleCount).toBe(1);
  });
});

/** Long enough for PostgreSQL to answer meanwhile. */
function beBusy(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
}
