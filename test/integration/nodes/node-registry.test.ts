import { Logger } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { createDataSource } from '../../../src/database/data-source.js';
import { Database } from '../../../src/database/database.js';
import { NodeRegistry } from '../../../src/nodes/node-registry.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { eventually } from '../../support/eventually.js';
import { holdLock } from '../../support/head-lock.js';

let database: TestDatabase;
let dataSource: DataSource;
const started: NodeRegistry[] = [];

beforeEach(async () => {
  jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
  database = await createTestDatabase();
  dataSource = await createDataSource(database.connection).initialize();
});
afterEach(async () => {
  await Promise.all(started.splice(0).map((node) => node.onModuleDestroy()));
  await dataSource.destroy();
  await database.drop();
});

async function aNode(): Promise<NodeRegistry> {
  const node = new NodeRegistry(new Database(dataSource));
  started.push(node);
  await node.onModuleInit();
  return node;
}

const leases = async (): Promise<string[]> =>
  (await dataSource.query<{ id: string }[]>('SELECT id FROM nodes')).map(({ id }) => id).toSorted();

it('nodes see each other: the newcomer at once, the one that was there at its next heartbeat', async () => {
  const first = await aNode();
  expect(first.isAlone).toBe(true);
  const second = await aNode();
  expect(second.isAlone).toBe(false);
  await eventually(() => expect(first.isAlone).toBe(false));
});

it('a lease that runs out is removed by whoever is left, and presence with it', async () => {
  await dataSource.query(`INSERT INTO nodes VALUES ('nod_dead', clock_timestamp() + interval '300 ms')`);
  await dataSource.query(`INSERT INTO presence (user_id, node_id, connections) VALUES (1, 'nod_dead', 1)`);
  const node = await aNode();
  expect(node.isAlone).toBe(false);
  await eventually(async () => expect(await leases()).toEqual([node.id]));
  expect(await dataSource.query('SELECT FROM presence')).toEqual([]);
});

it('a lease that is gone is made anew and told to who asked, each time, whatever one of them does', async () => {
  const node = await aNode();
  const told = jest.fn();
  jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
  node.onRenewedFromNothing(() => {
    throw new Error('broken on purpose');
  });
  node.onRenewedFromNothing(told);
  for (const times of [1, 2]) {
    await dataSource.query('TRUNCATE nodes CASCADE'); // what a crash of PostgreSQL does to unlogged tables
    await eventually(() => expect(told).toHaveBeenCalledTimes(times));
    expect(await leases()).toEqual([node.id]);
  }
});

it('after such a crash nobody believes to be alone only because the others have not said a word yet', async () => {
  const [first] = [await aNode(), await aNode()];
  await eventually(() => expect(first.isAlone).toBe(false));
  const told = jest.fn(() => expect(first.isAlone).toBe(false));
  first.onRenewedFromNothing(told);
  await dataSource.query('TRUNCATE nodes CASCADE');
  await eventually(() => expect(told).toHaveReturnedTimes(1));
});

it('a lease that is never gone is told to nobody', async () => {
  const node = await aNode();
  const told = jest.fn();
  node.onRenewedFromNothing(told);
  const expiry = async (): Promise<string> =>
    (await dataSource.query<{ at: string }[]>('SELECT expires_at::text AS at FROM nodes'))[0]!.at;
  const first = await expiry();
  await eventually(async () => expect((await expiry()) > first).toBe(true));
  expect(told).not.toHaveBeenCalled();
});

it('a heartbeat waits for no other node’s row: two that come back at once would wait for each other', async () => {
  await dataSource.query(`INSERT INTO nodes VALUES ('nod_late', clock_timestamp() - interval '1 s')`);
  const held = await holdLock(database.connection, 'SELECT FROM nodes FOR UPDATE', []); // it renews its lease just now
  const node = await aNode();
  expect(await leases()).toEqual([node.id, 'nod_late'].toSorted());
  await held.release();
});

it('a node that stops takes its lease with it, also in the middle of a heartbeat', async () => {
  const node = await aNode();
  const held = await holdLock(database.connection, 'SELECT FROM nodes FOR UPDATE', []);
  await held.waiters(1); // the heartbeat waits for its row
  const stopped = node.onModuleDestroy();
  await held.release();
  await stopped;
  expect(await leases()).toEqual([]);
});

it('a node stops though the database does not answer', async () => {
  const node = await aNode();
  const held = await holdLock(database.connection, 'SELECT FROM nodes FOR UPDATE', []);
  const since = performance.now();
  await node.onModuleDestroy();
  expect(performance.now() - since).toBeLessThan(2_500);
  await held.release();
  started.splice(0);
});
