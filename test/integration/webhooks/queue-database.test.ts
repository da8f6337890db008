import { loadConfig } from '../../../src/config/config.js';
import { PoolShare } from '../../../src/webhooks/persistence/pool-share.js';
import { QueueDatabase } from '../../../src/webhooks/persistence/queue-database.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { type LogNode, startLogNode } from '../../support/log-node.js';

describe('pg-boss on the pool of the node', () => {
  let database: TestDatabase;
  let node: LogNode;
  let queue: QueueDatabase;

  beforeAll(async () => {
    database = await createTestDatabase();
    node = await startLogNode(database.url, { DATABASE_POOL_SIZE: '2' });
    queue = new QueueDatabase(node.database, new PoolShare(loadConfig({})));
    await queue.executeSql('CREATE TABLE things (id integer PRIMARY KEY)');
  });
  afterAll(async () => {
    await node.close();
    await database.drop();
  });

  const things = async (): Promise<unknown> =>
    (await queue.executeSql('SELECT id FROM things ORDER BY id')).rows;

  it('runs one statement, with values or without, and several as one transaction', async () => {
    expect((await queue.executeSql('SELECT $1::int + 1 AS sum', [1])).rows).toEqual([{ sum: 2 }]);
    await queue.executeSql('BEGIN; INSERT INTO things VALUES (1); INSERT INTO things VALUES (2); COMMIT;');
    expect(await things()).toEqual([{ id: 1 }, { id: 2 }]);
  });

  it('undoes several of which one fails, and gives back a connection that works', async () => {
    const failing = 'BEGIN; INSERT INTO things VALUES (3); INSERT INTO things VALUES (1); COMMIT;';
    for (let attempt = 0; attempt < 4; attempt++)
      await expect(queue.executeSql(failing)).rejects.toThrow(/things_pkey/);
    // Each connection of the pool, and at once, so that none is used twice.
    const answers = await Promise.all([1, 2, 3, 4].map((n) => queue.executeSql('SELECT $1::int AS n', [n])));
    expect(answers.map(({ rows }) => rows)).toEqual([1, 2, 3, 4].map((n) => [{ n }]));
    expect(await things()).toEqual([{ id: 1 }, { id: 2 }]);
  });

  it('in a transaction of ours, what it does is undone with it', async () => {
    const work = queue.transaction(async (tx) => {
      await QueueDatabase.on(tx).executeSql('INSERT INTO things VALUES ($1)', [9]);
      throw new Error('changed my mind');
    });
    await expect(work).rejects.toThrow('changed my mind');
    expect(await things()).not.toContainEqual({ id: 9 });
  });
});
