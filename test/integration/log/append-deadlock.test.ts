import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { eventually } from '../../support/eventually.js';
import { deadlocks } from '../../support/head-lock.js';
import { aMessage, anAccount, type LogNode, startLogNode } from '../../support/log-node.js';

/** Nobody here locks heads in another order than by their ids; somebody with a `psql` may. */
describe('a deadlock with somebody else', () => {
  let database: TestDatabase;
  let node: LogNode;

  beforeAll(async () => {
    database = await createTestDatabase();
    node = await startLogNode(database.url);
  });
  afterAll(async () => {
    await node.close();
    await database.drop();
  });

  it('loses no message and doubles none', async () => {
    const account = await anAccount(node);
    const append = (user: string) => node.appender.append(account, user, aMessage());
    await Promise.all(['ann', 'ben'].map(append));
    const owners = await Promise.all(['ann', 'ben'].map(async (user) => node.users.ensure(account, user)));
    const [low, high] = owners.map(({ userId }) => userId).toSorted((a, b) => a - b);
    const stranger = new pg.Client(database.connection);
    await stranger.connect();
    const lock = (id: number | undefined) =>
      stranger.query('SELECT FROM platform_users WHERE id = $1 FOR UPDATE', [id]);
    await stranger.query("SET deadlock_timeout = '1min'"); // so that the batch is the one that gives way
    await stranger.query('BEGIN');
    await lock(high);
    const batch = Promise.all(['ann', 'ben'].map(append)); // has the one, waits for the other
    await eventually(async () => {
      const [row] = await node.dataSource.query<{ n: number }[]>(
        "SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
      );
      expect(row?.n).toBe(1);
    });
    await lock(low);
    await stranger.query('COMMIT');
    await stranger.end();
    expect((await batch).map(({ message }) => message.seq)).toEqual([2, 2]);
    expect(await deadlocks(database.connection)).toBeGreaterThanOrEqual(1);
  });
});
