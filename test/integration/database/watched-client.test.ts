import { DataSource } from 'typeorm';
import { ANSWER_TIMEOUT, dataSourceOptions } from '../../../src/database/data-source.js';
import { Database } from '../../../src/database/database.js';
import { ask, WatchedClient, type WatchedClientConfig } from '../../../src/database/watched-client.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { FreezingProxy } from '../../support/freezing-proxy.js';
import { startLogNode } from '../../support/log-node.js';

/** All but intervals and the clock of `performance`: the test turns it. */
const REAL = [
  ...(['Date', 'hrtime', 'nextTick', 'queueMicrotask'] as const),
  ...(['setImmediate', 'clearImmediate', 'setTimeout', 'clearTimeout'] as const),
];
const PID = { text: 'SELECT pg_backend_pid() AS pid' };
const FOREVER = { text: 'SELECT pg_sleep(60)' };
const CUT = `Connection terminated: no answer for ${ANSWER_TIMEOUT} ms`;

let database: TestDatabase;
let client: WatchedClient | undefined;

beforeAll(async () => {
  database = await createTestDatabase();
});
beforeEach(() => void jest.useFakeTimers({ doNotFake: [...REAL] }));
afterEach(async () => {
  jest.useRealTimers();
  await client?.end();
  client = undefined;
});
afterAll(() => database.drop());

async function connect(answerTimeout?: number): Promise<WatchedClient> {
  const config: WatchedClientConfig = { ...database.connection, pipeline: true, answerTimeout };
  client = new WatchedClient(config);
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** Time goes by, and what is due in it is done. */
async function pass(milliseconds: number): Promise<void> {
  await jest.advanceTimersByTimeAsync(milliseconds);
  await new Promise((resolve) => setImmediate(resolve));
}

describe('a watched connection', () => {
  it('is cut when an answer is owed for too long, and all that waits on it fails', async () => {
    const watched = await connect(ANSWER_TIMEOUT);
    const ended = new Promise((resolve) => watched.once('end', resolve));
    const results = Promise.allSettled([ask(watched, FOREVER), ask(watched, PID)]);
    await pass(ANSWER_TIMEOUT * 1.5);
    for (const result of await results) expect(result).toMatchObject({ reason: { message: CUT } });
    await ended;
  });

  it('is left alone while answers come, however long all of them take together', async () => {
    const watched = await connect(ANSWER_TIMEOUT);
    for (let n = 0; n < 5; n++) {
      const last = ask(watched, { text: 'SELECT pg_sleep(0.1)' }); // it is never without one that is owed
      await ask(watched, PID);
      await pass(ANSWER_TIMEOUT * 0.9);
      await last;
    }
    await expect(ask(watched, PID)).resolves.toMatchObject({ rowCount: 1 });
  });

  it('is left alone while no answer is owed', async () => {
    const watched = await connect(ANSWER_TIMEOUT);
    const before = await ask(watched, PID);
    await pass(ANSWER_TIMEOUT * 10);
    expect((await ask(watched, PID)).rows).toEqual(before.rows);
  });

  it('first reads what came while the process stood still', async () => {
    const watched = await connect(ANSWER_TIMEOUT);
    const answer = ask(watched, PID);
    await new Promise((resolve) => setTimeout(resolve)); // timers are due before sockets are read
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300); // the answer is there, unread
    jest.advanceTimersByTime(ANSWER_TIMEOUT * 2);
    await expect(answer).resolves.toMatchObject({ rowCount: 1 });
    await expect(ask(watched, PID)).resolves.toMatchObject({ rowCount: 1 });
  });

  it('may owe an answer forever when there is no limit', async () => {
    const watched = await connect();
    const answer = ask(watched, { text: 'SELECT pg_sleep(0.2)' });
    await pass(ANSWER_TIMEOUT * 1000);
    await expect(answer).resolves.toMatchObject({ rowCount: 1 });
    expect(jest.getTimerCount()).toBe(0);
  });

  it('says what PostgreSQL refuses', async () => {
    const watched = await connect(ANSWER_TIMEOUT);
    await expect(ask(watched, { text: 'SELECT 1 / 0' })).rejects.toMatchObject({ code: '22012' });
  });
});

describe('a database that takes everything and says nothing', () => {
  it('is away after a while, and used again when it speaks', async () => {
    const proxy = await FreezingProxy.open(database.connection);
    const { user, database: name } = database.connection;
    const address = { host: '127.0.0.1', port: proxy.port, user, database: name };
    const source = new DataSource(dataSourceOptions(address, { answerTimeout: ANSWER_TIMEOUT }));
    await source.initialize();
    const db = new Database(source);
    const pid = { name: 'pid', ...PID };
    await db.query(pid);
    proxy.freeze();
    const refused = expect(db.query(pid)).rejects.toMatchObject({ code: 'service_unavailable' });
    await pass(ANSWER_TIMEOUT * 1.5);
    await refused;
    proxy.thaw();
    await expect(db.query(pid)).resolves.toHaveLength(1);
    await source.destroy();
    await proxy.close();
  });

  it('is given up by every node after the same time', async () => {
    jest.useRealTimers();
    const node = await startLogNode(database.url);
    const { Client, answerTimeout } = (node.dataSource.options as { extra: Record<string, unknown> }).extra;
    expect([Client, answerTimeout]).toEqual([WatchedClient, ANSWER_TIMEOUT]);
    await node.close();
  });
});
