import pg from 'pg';
import { Pipeline } from '../../../src/database/pipeline.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { eventually } from '../../support/eventually.js';
import { holdLock } from '../../support/head-lock.js';

const PID = { name: 'pid', text: 'SELECT pg_backend_pid() AS pid' };
const LOG = { name: 'log', text: 'INSERT INTO said (word) VALUES ($1) RETURNING pg_backend_pid() AS pid' };
/** Waits for whoever holds the lock. */
const WAIT = { name: 'wait', text: 'SELECT pg_backend_pid() AS pid FROM pg_advisory_xact_lock(1)' };
const AWAY = { code: 'service_unavailable' };

interface Answer {
  pid: number;
}

let database: TestDatabase;
let pool: pg.Pool;
let pipeline: Pipeline;

beforeAll(async () => {
  database = await createTestDatabase();
});
beforeEach(async () => {
  pool = new pg.Pool({ ...database.connection, pipeline: true, max: 2, connectionTimeoutMillis: 5000 });
  pool.on('error', () => undefined); // of a connection that has been given back; TypeORM listens, too
  pipeline = new Pipeline(pool);
  await pool.query('DROP TABLE IF EXISTS said');
  await pool.query('CREATE TABLE said (id serial, word text UNIQUE)');
});
afterEach(async () => {
  await eventually(() => expect([pool.idleCount, pool.waitingCount]).toEqual([pool.totalCount, 0]));
  await pool.end();
});
afterAll(() => database.drop());

const hold = () => holdLock(database.connection, 'SELECT pg_advisory_xact_lock(1)', []);
const say = (word: string): Promise<Answer[]> => pipeline.query<Answer>(LOG, [word]);
async function saidSoFar(): Promise<string[]> {
  const { rows } = await pool.query<{ word: string }>('SELECT word FROM said ORDER BY id');
  return rows.map(({ word }) => word);
}

describe('a pipeline', () => {
  it('sends over one connection without waiting, and PostgreSQL answers in order', async () => {
    const held = await hold();
    const answers = [pipeline.query<Answer>(WAIT), say('one'), say('two'), pipeline.query<Answer>(PID)];
    await held.waiters(1);
    expect([await saidSoFar(), pool.totalCount]).toEqual([[], 2]); // the other one is the look itself
    await held.release();
    const pids = (await Promise.all(answers)).map(([row]) => row?.pid);
    expect(new Set(pids).size).toBe(1);
    expect(await saidSoFar()).toEqual(['one', 'two']);
  });

  it('keeps its connection for who goes on in the same turn, and gives it back when nobody does', async () => {
    const [first] = await pipeline.query<Answer>(PID);
    const [second] = await pipeline.query<Answer>(PID);
    expect(second).toEqual(first);
    expect(pool.idleCount).toBe(0);
    await eventually(() => expect(pool.idleCount).toBe(1));
  });

  it('leaves nothing behind on a connection that it has used', async () => {
    for (let turn = 0; turn < 30; turn++) {
      await pipeline.query(PID);
      await eventually(() => expect(pool.idleCount).toBe(pool.totalCount));
    }
    const client = await pool.connect();
    expect(client.listenerCount('error')).toBe(0);
    client.release();
  });

  it('a statement that fails fails alone', async () => {
    await say('one');
    const results = await Promise.allSettled([say('two'), say('one'), say('three'), say('four')]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    expect(results[1]).toMatchObject({ reason: { code: '23505' } });
    expect(await saidSoFar()).toEqual(['one', 'two', 'three', 'four']);
  });

  it('all that is under way on a connection that is lost fails, and what comes next goes over another', async () => {
    const held = await hold();
    const lost = Promise.allSettled([pipeline.query<Answer>(WAIT), say('one')]);
    await held.waiters(1);
    const after = lost.then(() => say('two')); // in the very turn in which the first ones fail
    await pool.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                      WHERE datname = current_database() AND query LIKE '%pg_advisory_xact_lock%' AND wait_event_type = 'Lock'`);
    for (const result of await lost) expect(result).toMatchObject({ status: 'rejected', reason: AWAY });
    await after;
    await held.release();
    expect(await saidSoFar()).toEqual(['two']);
  });

  it('survives a connection that is lost in the moment in which the pool hands it over', async () => {
    const killer = new pg.Client(database.connection);
    await killer.connect();
    const last = new pg.Pool({ ...database.connection, pipeline: true, max: 1 });
    last.on('error', () => undefined);
    const { rows } = await last.query<Answer>(PID);
    const killed = killer.query(`SELECT pg_sleep(0.2); SELECT pg_terminate_backend(${rows[0]?.pid})`);
    const before = last.query('SELECT pg_sleep(0.1)');
    const waiting = Promise.allSettled([new Pipeline(last).query(PID)]);
    await new Promise((resolve) => setImmediate(resolve));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500); // both, the answer and the end, are there
    await before;
    expect(await waiting).toMatchObject([{ status: 'rejected' }]);
    await killed;
    await Promise.all([killer.end(), last.end()]);
  });

  it('gets going again under load that does not let up', async () => {
    const [row] = await pipeline.query<Answer>(PID);
    let isOver = false;
    const outcomes: string[] = [];
    const load = Promise.all(
      [1, 2].map(async () => {
        while (!isOver)
          outcomes.push(
            await pipeline.query<Answer>(PID).then(
              ([at]) => String(at?.pid),
              () => 'failed',
            ),
          );
      }),
    );
    await eventually(() => expect(outcomes.length).toBeGreaterThan(10));
    await pool.query('SELECT pg_terminate_backend($1)', [row?.pid]);
    await eventually(() => expect(outcomes.slice(-10)).not.toContain(String(row?.pid)));
    await eventually(() => expect(outcomes.slice(-10)).not.toContain('failed'));
    isOver = true;
    await load;
  });

  it('lets others have a connection who wait for one', async () => {
    const { max } = pool.options;
    const pipelines = Array.from({ length: max }, () => new Pipeline(pool));
    let isOver = false;
    const load = pipelines.map(async (one) => {
      while (!isOver) await Promise.all([one.query(PID), one.query(PID)]);
    });
    for (let turn = 0; turn < 10; turn++) await pool.query('SELECT 1'); // would time out
    isOver = true;
    await Promise.all(load);
  });

  it('is as away as the pool', async () => {
    const closed = new pg.Pool(database.connection);
    await closed.end();
    const away = new Pipeline(closed);
    for (const result of await Promise.allSettled([away.query(PID), away.query(PID)]))
      expect(result).toMatchObject({ status: 'rejected', reason: AWAY });
  });
});
