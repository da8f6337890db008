import { setImmediate as turn } from 'node:timers/promises';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { holdLock } from '../../support/head-lock.js';
import { aMessage, anAccount, type LogNode, startLogNode } from '../../support/log-node.js';

/** A batch on its way uses the statement that the one before it prepares, and it has not heard yet whether that succeeds. */
describe('a batch that was sent behind another', () => {
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

  it('is written once, also when the statement of the first never came to be prepared', async () => {
    const account = await anAccount(node);
    const append = (user: string) => node.appender.append(account, user, aMessage());
    const [first, behind] = [usersOf('first', 2), usersOf('behind', 12)];
    for (const user of [...first, ...behind]) await append(user); // one by one: no statement for many yet

    const held = await holdLock(database.connection, 'LOCK TABLE messages IN ACCESS EXCLUSIVE MODE', []);
    const ended = Promise.allSettled(first.map(append));
    await held.waiters(1);
    const written = Promise.all(behind.map(append));
    for (let turns = 0; turns < 10; turns++) await turn(); // it is on the wire
    await node.dataSource.query(
      "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    );
    const refused = { status: 'rejected', reason: { code: 'service_unavailable' } };
    expect(await ended).toMatchObject(first.map(() => refused));
    await held.release();
    expect((await written).map(({ message }) => message.seq)).toEqual(behind.map(() => 2));
    const rows = await node.dataSource.query<unknown[]>('SELECT FROM messages WHERE seq > 1');
    expect(rows).toHaveLength(behind.length);
  });
});

function usersOf(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${name}-${index}`);
}
