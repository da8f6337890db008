import type { Statement } from '../../src/database/database.js';
import { sqlState, translateDatabaseError } from '../../src/database/errors.js';
import { ParleyError } from '../../src/kernel/errors.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { aMessage, anAccount, type LogNode, startLogNode } from '../support/log-node.js';
import { eventually } from '../support/eventually.js';
import { holdHead } from '../support/head-lock.js';

const ONE: Statement = { name: 'test.one', text: 'SELECT 1 AS one' };
const SELF: Statement = { name: 'test.self', text: 'SELECT pg_backend_pid() AS pid' };
const WAIT: Statement = { name: 'test.wait', text: 'SELECT pg_sleep(60)' };
const SUICIDE: Statement = { name: 'test.suicide', text: 'SELECT pg_terminate_backend(pg_backend_pid())' };
const WRONG: Statement = { name: 'test.wrong', text: "SELECT 'x'::int" };
const KEEP: Statement = { name: 'test.keep', text: "INSERT INTO settings (name, value) VALUES ('kept', $1)" };
const AWAY = { code: 'service_unavailable', status: 503, retryAfter: 2 };

describe('a database that goes away and comes back', () => {
  let database: TestDatabase;
  let node: LogNode;
  let other: LogNode;

  beforeAll(async () => {
    database = await createTestDatabase();
    node = await startLogNode(database.url, { DATABASE_POOL_SIZE: '3' });
    other = await startLogNode(database.url);
  });
  afterAll(async () => {
    await Promise.all([node.close(), other.close()]);
    await database.drop();
  });
  afterEach(async () => {
    // Whatever happened, the process is alive and queries work again, on every connection of the pool.
    const again = await eventually(() => Promise.all([1, 2, 3, 4].map(() => node.database.query(ONE))));
    expect(again).toEqual(Array(4).fill([{ one: 1 }]));
  });

  const terminate = (pid: number) => other.dataSource.query('SELECT pg_terminate_backend($1, 5000)', [pid]);
  /** Ends what waits in a query, once it does. */
  const terminateWaiting = async (queryPart: string): Promise<void> => {
    for (let ended = 0; ended === 0;) {
      const rows: object[] = await other.dataSource.query(
        `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
         WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid() AND query LIKE $1`,
        [`%${queryPart}%`],
      );
      ended = rows.length;
    }
  };

  it('is service_unavailable for a query that it cuts, and keeps the reason for the log', async () => {
    const error: unknown = await node.database.query(SUICIDE).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ParleyError);
    expect(error).toMatchObject(AWAY);
    expect((error as ParleyError).cause).toMatchObject({ code: '57P01' });
    expect(JSON.stringify((error as ParleyError).toBody())).not.toContain('terminat');
  });

  it('is service_unavailable for a query that waits', async () => {
    const waiting = expect(node.database.query(WAIT)).rejects.toMatchObject(AWAY);
    await terminateWaiting('pg_sleep(60)');
    await waiting;
  });

  it('is service_unavailable for a transaction, cut in a statement', async () => {
    const work = node.database.transaction(async (tx) => {
      await tx.query(KEEP, ['in a statement']);
      await tx.query(SUICIDE);
    });
    await expect(work).rejects.toMatchObject(AWAY);
    await expectNothingKept();
  });

  it('is service_unavailable for a transaction, cut between two statements', async () => {
    const work = node.database.transaction(async (tx) => {
      await tx.query(KEEP, ['between']);
      const [{ pid } = { pid: 0 }] = await tx.query<{ pid: number }>(SELF);
      await terminate(pid);
      await tx.query(ONE);
    });
    await expect(work).rejects.toMatchObject(AWAY);
    await expectNothingKept();
  });

  it('is service_unavailable for a transaction, cut before its commit', async () => {
    const work = node.database.transaction(async (tx) => {
      await tx.query(KEEP, ['before the commit']);
      const [{ pid } = { pid: 0 }] = await tx.query<{ pid: number }>(SELF);
      await terminate(pid);
    });
    await expect(work).rejects.toMatchObject(AWAY);
    await expectNothingKept();
  });

  it('does not end the process when it cuts connections that nobody uses', async () => {
    await Promise.all([1, 2, 3].map(() => node.database.query(ONE)));
    const ended: object[] = await other.dataSource.query(
      `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'idle'`,
    );
    expect(ended.length).toBeGreaterThan(0);
  });

  it('is service_unavailable for all of a batch, and writes it when it is repeated', async () => {
    const account = await anAccount(node);
    const { userId } = await node.users.ensure(account, 'ann');
    await node.appender.append(account, 'ann', aMessage());
    const head = await holdHead(database.connection, userId);
    const batch = Promise.allSettled(
      ['a', 'b', 'c'].map((clientMessageId) =>
        node.appender.append(account, 'ann', aMessage({ clientMessageId })),
      ),
    );
    await head.waiters(1);
    await terminateWaiting('INSERT INTO messages');
    for (const result of await batch) expect(result).toMatchObject({ status: 'rejected', reason: AWAY });
    await head.release();
    const repeated = await Promise.all(
      ['a', 'b', 'c'].map((clientMessageId) =>
        node.appender.append(account, 'ann', aMessage({ clientMessageId })),
      ),
    );
    expect(repeated.map(({ message, replayed }) => [message.seq, replayed])).toEqual([
      [2, false],
      [3, false],
      [4, false],
    ]);
  });

  it('is not what a wrong statement is called: that error stays as it is', async () => {
    const error: unknown = await node.database.query(WRONG).catch((thrown: unknown) => thrown);
    expect(sqlState(error)).toBe('22P02');
    expect(error).not.toBeInstanceOf(ParleyError);
    const inTransaction: unknown = await node.database
      .transaction((tx) => tx.query(WRONG))
      .catch((thrown: unknown) => thrown);
    expect(sqlState(inTransaction)).toBe('22P02');
  });

  it('rolls back what a transaction throws, and throws the same', async () => {
    const thrown = new Error('a reason');
    const work = node.database.transaction(async (tx) => {
      await tx.query(KEEP, ['thrown']);
      throw thrown;
    });
    await expect(work).rejects.toBe(thrown);
    await expectNothingKept();
  });

  it('is service_unavailable when it cannot be reached at all, or no connection is free', async () => {
    const nowhere = { code: 'ECONNREFUSED' };
    expect(translateDatabaseError(Object.assign(new Error('refused'), nowhere))).toMatchObject(AWAY);
    expect(translateDatabaseError(new Error('timeout exceeded when trying to connect'))).toMatchObject(AWAY);
    expect(translateDatabaseError('a string')).toEqual(new Error('a string'));
    await expect(closedNode()).rejects.toMatchObject(AWAY);
  });

  const closedNode = async (): Promise<unknown> => {
    const gone = await startLogNode(database.url);
    await gone.close();
    return gone.database.query(ONE);
  };

  const expectNothingKept = async (): Promise<void> => {
    expect(await other.dataSource.query("SELECT * FROM settings WHERE name = 'kept'")).toEqual([]);
  };
});
