import { setImmediate, setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { FLUSH_INTERVAL, TRUSTED_SHARE } from '../../../src/rate-limit/shared-window.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { eventually } from '../../support/eventually.js';
import { aKey, type LimitNode, startLimitNode, storedHits } from './node-of-limits.js';

const HOUR = 3_600_000;

let database: TestDatabase;
let one: LimitNode;
let two: LimitNode;
beforeAll(async () => {
  database = await createTestDatabase();
  [one, two] = [await startLimitNode(database.url), await startLimitNode(database.url)];
});
afterAll(async () => {
  await Promise.all([one.close(), two.close()]);
  await database.drop();
});

const hit = (node: LimitNode, key: string, limit: number, ttl = HOUR) =>
  node.storage.increment(key, ttl, limit);
/** How many of these came through. */
const admitted = (records: { isBlocked: boolean }[]): number =>
  records.filter(({ isBlocked }) => !isBlocked).length;
/** What nodes may let through together, as the class promises. */
const most = (limit: number, nodes = 2): number => limit + nodes * Math.floor(limit * TRUSTED_SHARE);

/** Clients that each ask again as soon as they were answered, all on one node. */
async function hammer(node: LimitNode, key: string, limit: number, rounds: number, clients = 10) {
  const records = await Promise.all(
    Array.from({ length: clients }, async () => {
      const own = [];
      for (let round = 0; round < rounds; round++) {
        own.push(await hit(node, key, limit));
        await delay(1);
      }
      return own;
    }),
  );
  return records.flat();
}

describe('one budget on two nodes', () => {
  it('counts requests one after the other exactly, whichever node they reach', async () => {
    const key = aKey();
    const records = [];
    for (let i = 0; i < 60; i++) records.push(await hit(i % 2 ? one : two, key, 50));
    expect(records.slice(0, 51).map(({ totalHits }) => totalHits)).toEqual(
      Array.from({ length: 51 }, (_, i) => i + 1),
    );
    expect(records.map(({ isBlocked }) => isBlocked)).toEqual(Array.from({ length: 60 }, (_, i) => i >= 50));
  });

  it('lets exactly its number through when all come at once, on nodes that do not know the key yet', async () => {
    const key = aKey();
    const records = await Promise.all(Array.from({ length: 80 }, (_, i) => hit(i % 2 ? one : two, key, 20)));
    expect(admitted(records)).toBe(20);
    const numbers = records.filter(({ isBlocked }) => !isBlocked).map(({ totalHits }) => totalHits);
    expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  });

  it('lets little more through under load, and writes about once in an interval', async () => {
    const [key, limit] = [aKey(), 2000];
    const before = one.table.batches.length;
    const started = Date.now();
    const records = (await Promise.all([hammer(one, key, limit, 150), hammer(two, key, limit, 150)])).flat();
    expect(records).toHaveLength(3000);
    expect(admitted(records)).toBeGreaterThanOrEqual(limit);
    expect(admitted(records)).toBeLessThanOrEqual(most(limit));
    expect(await hit(one, key, limit)).toMatchObject({ isBlocked: true });
    // Close to the limit it asks more often: that is the rest of this number, which is far from one for each hit.
    const flushes = one.table.batches.length - before;
    expect(flushes).toBeLessThan((Date.now() - started) / FLUSH_INTERVAL + 150);
  });

  it('knows of the other node’s hits after an interval, though it trusts itself in between', async () => {
    const key = aKey();
    await Promise.all(Array.from({ length: 50 }, () => hit(two, key, 1000)));
    await hit(one, key, 1000);
    const burst = await Promise.all(Array.from({ length: 30 }, () => hit(one, key, 1000)));
    expect(Math.max(...burst.map(({ totalHits }) => totalHits))).toBe(81);
    await eventually(async () => expect(await storedHits(one, key)).toBe(81));
    expect(await hit(two, key, 1000)).toMatchObject({ totalHits: 82 });
  });

  it('ends on both nodes, and begins anew with the next request', async () => {
    const key = aKey();
    const ttl = 1500;
    const started = Date.now();
    expect(await hit(one, key, 2, ttl)).toMatchObject({ totalHits: 1, timeToExpire: 2 });
    await delay(700);
    expect(await hit(two, key, 2, ttl)).toMatchObject({ totalHits: 2, timeToExpire: 1 });
    expect(await hit(one, key, 2, ttl)).toMatchObject({ isBlocked: true, timeToBlockExpire: 1 });
    expect(await hit(two, key, 2, ttl)).toMatchObject({ isBlocked: true });
    await eventually(async () => expect((await hit(two, key, 2, ttl)).isBlocked).toBe(false));
    expect(Date.now() - started).toBeGreaterThanOrEqual(ttl);
    // the other one believes in the old window for as long as the answer took by which it knows of its end
    await eventually(async () =>
      expect(await hit(one, key, 2, ttl)).toMatchObject({ totalHits: 2, timeToExpire: 2, isBlocked: false }),
    );
    expect(await storedHits(one, key)).toBe(2);
  });

  it('survives the restart of a node', async () => {
    const key = aKey();
    for (let i = 0; i < 3; i++) await hit(one, key, 10);
    const third = await startLimitNode(database.url);
    expect(await hit(third, key, 10)).toMatchObject({ totalHits: 4 });
    await third.close();
  });
});

describe('what it costs', () => {
  it('writes many keys that come at once in few statements', async () => {
    const before = one.table.batches.length;
    await Promise.all(Array.from({ length: 2500 }, () => hit(one, aKey(), 10)));
    const batches = one.table.batches.slice(before);
    expect(batches.reduce((sum, size) => sum + size)).toBe(2500);
    expect(batches.length).toBeLessThanOrEqual(5);
  });

  it('writes nothing for requests that are refused', async () => {
    const key = aKey();
    for (let i = 0; i < 3; i++) await hit(one, key, 3);
    const before = one.table.batches.length;
    const refused = await Promise.all(Array.from({ length: 500 }, () => hit(one, key, 3)));
    expect(admitted(refused)).toBe(0);
    expect(one.table.batches).toHaveLength(before);
  });

  it('nodes that write the same keys in opposite orders do not wait for each other in a circle', async () => {
    const hits = Array.from({ length: 1000 }, () => ({ key: aKey(), count: 1, ttl: HOUR }));
    const backwards = [...hits].reverse();
    for (let round = 0; round < 15; round++)
      // in a circle PostgreSQL would end one of the two
      await Promise.all([one.table.add(hits), two.table.add(backwards)]);
    for (const { key } of [hits[0]!, hits[999]!]) expect(await storedHits(one, key)).toBe(30);
  });

  it('deletes windows that are over, and no others', async () => {
    const [over, running] = [aKey(), aKey()];
    await hit(one, over, 10, 1);
    await hit(one, running, 10);
    await delay(5);
    await two.table.sweep();
    expect(await storedHits(one, over)).toBe(0);
    expect(await storedHits(one, running)).toBe(1);
  });

  it('does not wait for the disk, and leaves the connection as it was for those who must', async () => {
    await one.dataSource.query(`
      CREATE TABLE commits (key text, synchronous text);
      CREATE FUNCTION note_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO commits VALUES (NEW.key, current_setting('synchronous_commit')); RETURN NULL; END $$;
      CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON rate_windows
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note_commit()`);
    const key = aKey();
    await hit(one, key, 10);
    await one.dataSource.query('DROP TRIGGER at_commit ON rate_windows');
    const noted = await one.dataSource.query('SELECT synchronous FROM commits WHERE key = $1', [key]);
    expect(noted).toEqual([{ synchronous: 'off' }]);
    const now = await Promise.all([1, 2, 3, 4].map(() => one.dataSource.query('SHOW synchronous_commit')));
    expect(now).toEqual(Array(4).fill([{ synchronous_commit: 'on' }]));
  });
});

it('A node that stops writes what it has answered on trust', async () => {
  const node = await startLimitNode(database.url);
  const key = aKey();
  await hit(node, key, 1000);
  const second = hit(node, key, 1000);
  await setImmediate(); // it is on the wire now, and those that come are answered at once
  const onTrust = await Promise.all(Array.from({ length: 40 }, () => hit(node, key, 1000)));
  expect(onTrust.at(-1)).toMatchObject({ totalHits: 42 });
  await second;
  expect(await storedHits(one, key)).toBe(2);
  await node.close();
  expect(await storedHits(one, key)).toBe(42);
  expect(await hit(one, key, 1000)).toMatchObject({ totalHits: 43 });
});

it('However requests come, n nodes let at least the limit through, and at most the promised part more', async () => {
  const burst = fc.record({ node: fc.nat(1), size: fc.integer({ min: 1, max: 25 }), pause: fc.nat(6) });
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 120 }),
      fc.array(burst, { minLength: 4, maxLength: 25 }),
      async (limit, bursts) => {
        const key = aKey();
        const answers = [];
        for (const { node, size, pause } of bursts) {
          for (let i = 0; i < size; i++) answers.push(hit(node ? one : two, key, limit));
          if (pause > 0) await delay(pause); // milliseconds, less than a comparison takes or more
        }
        const records = await Promise.all(answers);
        expect(admitted(records)).toBeGreaterThanOrEqual(Math.min(limit, records.length));
        expect(admitted(records)).toBeLessThanOrEqual(most(limit));
      },
    ),
    { numRuns: 60 },
  );
});
