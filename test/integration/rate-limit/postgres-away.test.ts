import pg from 'pg';
import { migrateDatabase } from '../../../src/database/migrate.js';
import { urlOf } from '../../support/database.js';
import { eventually } from '../../support/eventually.js';
import { OwnPostgres } from '../../e2e/faults/postgres.js';
import { aKey, type LimitNode, startLimitNode, storedHits } from './node-of-limits.js';

const HOUR = 3_600_000;

let postgres: OwnPostgres;
let url: string;
let one: LimitNode;
let two: LimitNode;
beforeAll(async () => {
  postgres = await OwnPostgres.create();
  url = urlOf(postgres.connection);
  await migrateDatabase({ url });
  [one, two] = [await startLimitNode(url), await startLimitNode(url)];
}, 60_000);
afterAll(async () => {
  await Promise.all([one?.close(), two?.close()]);
  await postgres?.remove();
});

const hit = (node: LimitNode, key: string, limit: number) => node.storage.increment(key, HOUR, limit);

it('PostgreSQL falls: each node counts on by itself; PostgreSQL comes back: they count together again', async () => {
  const [key, unknown, limit] = [aKey(), aKey(), 10];
  for (const node of [one, two, one]) await hit(node, key, limit);
  await hit(two, key, limit); // each node knows of the other's hits: 3 and 4
  await postgres.crash();

  const answers = [];
  for (let i = 0; i < 9; i++) answers.push(await hit(one, key, limit));
  expect(answers.map(({ totalHits }) => totalHits)).toEqual([4, 5, 6, 7, 8, 9, 10, 11, 11]);
  expect(answers.map(({ isBlocked }) => isBlocked)).toEqual([...Array(7).fill(false), true, true]);
  expect(await hit(two, key, limit)).toMatchObject({ totalHits: 5, isBlocked: false });
  const cold = [];
  for (let i = 0; i < 12; i++) cold.push((await hit(one, unknown, limit)).isBlocked);
  expect(cold).toEqual([...Array(10).fill(false), true, true]);

  await postgres.start();
  // What was counted meanwhile is written down, and the limit is one again.
  await eventually(async () => expect(await storedHits(two, unknown)).toBe(10), {
    timeoutMs: 10_000,
  });
  await eventually(async () => expect((await hit(two, unknown, limit)).isBlocked).toBe(true), {
    timeoutMs: 10_000,
  });
  const fresh = aKey();
  await eventually(async () => {
    const [a, b] = [await hit(one, fresh, 1_000_000), await hit(two, fresh, 1_000_000)];
    expect(b.totalHits).toBe(a.totalHits + 1);
  });
}, 60_000);

it('PostgreSQL hangs: nobody waits for it longer than a second or two, and nothing is lost', async () => {
  const key = aKey();
  await eventually(async () => {
    await hit(one, key, 1000);
    expect(await storedHits(one, key)).toBeGreaterThan(0);
  });
  const before = await storedHits(one, key);
  const blocker = new pg.Client({ connectionString: url });
  await blocker.connect();
  await blocker.query('BEGIN; LOCK TABLE rate_windows IN ACCESS EXCLUSIVE MODE');
  try {
    const started = Date.now();
    const [asked, alsoAsked] = await Promise.all([hit(one, key, 1000), hit(one, aKey(), 1000)]);
    expect(Date.now() - started).toBeLessThan(3000);
    expect(asked).toMatchObject({ totalHits: before + 1, isBlocked: false });
    expect(alsoAsked).toMatchObject({ totalHits: 1, isBlocked: false });
    const again = Date.now();
    expect(await hit(one, key, 1000)).toMatchObject({ totalHits: before + 2 });
    expect(Date.now() - again).toBeLessThan(500); // it does not ask again and again
  } finally {
    await blocker.query('ROLLBACK');
    await blocker.end();
  }
  await eventually(async () => expect(await storedHits(one, key)).toBe(before + 2));
  expect(await hit(two, key, 1000)).toMatchObject({ totalHits: before + 3 });
});
