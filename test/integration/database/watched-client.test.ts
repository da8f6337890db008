import pg from 'pg';
import { ask, WatchedClient, type WatchedClientConfig } from '../../../src/database/watched-client.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';

/** Milliseconds. */
const LIMIT = 1000;
const PID = { text: 'SELECT pg_backend_pid() AS pid' };
const sleep = (seconds: number) => ({ text: `SELECT pg_sleep(${seconds})` });

let database: TestDatabase;
let client: WatchedClient;

async function connect(config: WatchedClientConfig): Promise<void> {
  client = new WatchedClient({ ...database.connection, pipeline: true, ...config });
  client.on('error', () => undefined);
  await client.connect();
}

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(() => client.end());
afterAll(() => database.drop());

describe('a watched connection', () => {
  it('is cut when an answer is owed for too long, and all that waits on it fails', async () => {
    await connect({ answerTimeout: LIMIT });
    const ended = new Promise((resolve) => client.once('end', resolve));
    const results = await Promise.allSettled([ask(client, sleep(25)), ask(client, PID)]);
    for (const result of results)
      expect(result).toMatchObject({ reason: { message: /^Connection terminated/ } });
    await ended;
  });

  it('is left alone while answers come, however long all of them take together', async () => {
    await connect({ answerTimeout: LIMIT });
    const answers = await Promise.all(Array.from({ length: 6 }, () => ask(client, sleep(0.3))));
    expect(answers).toHaveLength(6);
  });

  it('is left alone while no answer is owed', async () => {
    await connect({ answerTimeout: LIMIT / 4 });
    const before = await ask(client, PID);
    await new Promise((resolve) => setTimeout(resolve, LIMIT));
    expect((await ask(client, PID)).rows).toEqual(before.rows);
  });

  it('may owe an answer forever when there is no limit', async () => {
    await connect({});
    await expect(ask(client, sleep(0.1))).resolves.toMatchObject({ rowCount: 1 });
  });

  it("is what a pool makes of it, and watches what runs through pg's own methods", async () => {
    const options = {
      ...database.connection,
      Client: WatchedClient,
      answerTimeout: LIMIT / 4,
      pipeline: true,
    };
    const pool = new pg.Pool(options as object);
    pool.on('error', () => undefined);
    await expect(pool.query(sleep(25))).rejects.toThrow(/^Connection terminated/);
    await expect(pool.query(PID)).resolves.toMatchObject({ rowCount: 1 });
    await pool.end();
    await connect({}); // for `afterEach`
  });

  it('says what PostgreSQL refuses', async () => {
    await connect({ answerTimeout: LIMIT });
    await expect(ask(client, { text: 'SELECT 1 / 0' })).rejects.toMatchObject({ code: '22012' });
  });
});
