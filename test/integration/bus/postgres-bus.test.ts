import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { LOG_HINT } from '../../../src/bus/log-hint-text.js';
import { PostgresBus } from '../../../src/bus/postgres-bus.js';
import type { NodeRegistry } from '../../../src/nodes/node-registry.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { eventually } from '../../support/eventually.js';
import { FreezingProxy } from '../../support/freezing-proxy.js';
import { aHint, hearing, untilHeard } from './bus-contract.js';
import { type BusNode, openBusNode, silenceLogger } from './postgres-node.js';

let database: TestDatabase;
let watcher: pg.Client;
/** Everything said on the channel. */
let said: string[];
const open: BusNode[] = [];
let logger: ReturnType<typeof silenceLogger>;
const unhandled = jest.fn();

beforeAll(() => {
  logger = silenceLogger();
  process.on('unhandledRejection', unhandled);
});
beforeEach(async () => {
  database = await createTestDatabase();
  said = [];
  watcher = new pg.Client(database.connection);
  watcher.on('error', () => undefined);
  await watcher.connect();
  watcher.on('notification', ({ payload = '' }) => said.push(payload));
  await watcher.query('LISTEN parley');
});
afterEach(async () => {
  for (const node of open.splice(0)) await node.close();
  await expectNoConnections();
  await watcher.end();
  await database.drop();
  expect(unhandled).not.toHaveBeenCalled();
});
afterAll(() => void process.off('unhandledRejection', unhandled));

async function aNode(...args: Parameters<typeof openBusNode> | []): Promise<BusNode> {
  const node = await openBusNode(args[0] ?? database.connection, args[1]);
  open.push(node);
  return node;
}

async function busConnections(): Promise<number> {
  const { rows } = await watcher.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'parley-bus'`,
  );
  return rows[0]!.count;
}

/** A stopped node leaves nothing behind in PostgreSQL. */
async function expectNoConnections(): Promise<void> {
  await eventually(async () => expect(await busConnections()).toBe(0));
}

async function viaProxy(): Promise<{ proxy: FreezingProxy; node: BusNode }> {
  const proxy = await FreezingProxy.open(database.connection);
  const address = { ...database.connection, host: '127.0.0.1', port: proxy.port };
  return { proxy, node: await aNode(database.connection, address) };
}

async function untilTaken(proxy: FreezingProxy, count: number): Promise<void> {
  await eventually(() => expect(proxy.taken).toBeGreaterThanOrEqual(count), { timeoutMs: 15_000 });
}

const hintsSaid = (): string[] => said.filter((payload) => payload.includes(' '));

it('a node that is alone sends no hint; another that came is known at once, not only at a heartbeat', async () => {
  const first = await aNode();
  first.bus.publish(aHint(1));
  const second = await aNode();
  await eventually(() => expect(first.nodes.isAlone).toBe(false), { timeoutMs: 500 });
  expect(second.nodes.isAlone).toBe(false);
  expect(hintsSaid()).toEqual([]);
  first.bus.publish(aHint(2));
  await eventually(() => expect(hintsSaid()).toHaveLength(1));
});

it('hints that are published in one turn go in one NOTIFY', async () => {
  const [first, second] = [await aNode(), await aNode()];
  const { heard } = await hearing(second.bus, 1);
  await eventually(() => expect(first.nodes.isAlone).toBe(false));
  const query = jest.spyOn(pg.Client.prototype, 'query');
  for (let seq = 1; seq <= 20; seq++) first.bus.publish(aHint(1, seq));
  await eventually(() => expect(heard).toHaveLength(20));
  const texts = query.mock.calls.map(([config]) => String((config as { values?: unknown[] }).values?.[1]));
  query.mockRestore();
  expect(texts.filter((text) => text.includes(LOG_HINT))).toHaveLength(1);
});

it('what anybody else says on the channel harms nobody', async () => {
  const [first, second] = [await aNode(), await aNode()];
  const { heard } = await hearing(second.bus, 1);
  const nonsense = [
    '',
    ' ',
    'x',
    'nod_x 1 ',
    'nod_x 1 {',
    'nod_x 1 null',
    'nod_x 1 {}',
    'nod_x 1 {"kind":"log","userId":1}',
    'nod_x 1 {"kind":"log","userId":2,"entries":[]}',
    'nod_x 1 ["log",',
    'nod_x 1 ["log",1]',
    'nod_x 2 ["log",1,0,0,false,[]]',
    'nod_x 1 {"kind":"of a newer version","userId":1}',
    'nod_x -1 {"kind":"typing","userId":-1}',
    'nod_x one {"kind":"typing","userId":1}',
  ];
  for (const payload of nonsense) await watcher.query(`SELECT pg_notify('parley', $1)`, [payload]);
  await untilHeard(first.bus, second.bus, 7);
  expect(heard).toEqual([]);
});

it('what PostgreSQL refuses is lost alone: the bus goes on over the same connection', async () => {
  const [first, second] = [await aNode(), await aNode()];
  const onLapse = jest.fn();
  first.bus.onLapse(onLapse);
  await untilHeard(first.bus, second.bus, 7); // until then it takes itself for alone, and sends nothing
  const { heard } = await hearing(second.bus, 1);
  const tooLong = { kind: 'typing', userId: 1, data: {} as never, origin: 'x'.repeat(9_000) } as const;
  first.bus.publish(aHint(1, 1));
  first.bus.publish(tooLong);
  first.bus.publish(aHint(1, 2));
  await eventually(() => expect(heard).toEqual([aHint(1, 1), aHint(1, 2)]));
  expect(onLapse).not.toHaveBeenCalled();
});

it('a connection on which nothing flows any more is noticed, and replaced', async () => {
  const { proxy, node } = await viaProxy();
  const other = await aNode();
  const onLapse = jest.fn();
  node.bus.onLapse(onLapse);
  const { heard } = await hearing(other.bus, 1);
  await untilHeard(other.bus, node.bus, 7);
  proxy.freeze();
  node.bus.publish(aHint(1, 1)); // on its way when the cable was pulled
  node.bus.publish(aHint(1, 2));
  expect(onLapse).not.toHaveBeenCalled();
  await untilTaken(proxy, proxy.taken + 1); // it has given the old one up, and asks in vain for a new one
  proxy.thaw();
  await eventually(() => expect(onLapse).toHaveBeenCalled(), { timeoutMs: 15_000 });
  await eventually(() => expect(heard.map((hint) => 'state' in hint && hint.state.seq)).toContain(2));
  await untilHeard(other.bus, node.bus, 7);
  await eventually(async () => expect(await busConnections()).toBe(2));
  await open.splice(open.indexOf(node), 1)[0]!.close();
  await proxy.close();
}, 60_000);

/** Bytes that are in use, after the garbage is gone. */
function held(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

it('while the database hangs, hundreds of megabytes of hints cost little memory', async () => {
  const { proxy, node } = await viaProxy();
  await aNode();
  await eventually(() => expect(node.nodes.isAlone).toBe(false));
  proxy.freeze();
  const before = held();
  for (let round = 0; round < 40; round++) {
    for (let i = 0; i < 2_000; i++) node.bus.publish(aHint(i, round, 6_000));
    await delay(1);
  }
  expect(held() - before).toBeLessThan(64 * 1024 * 1024);
  await open.splice(open.indexOf(node), 1)[0]!.close();
  await proxy.close();
}, 60_000);

describe('a node stops quickly, and leaves nothing behind,', () => {
  const LIMIT_MS = 3_000;
  async function expectQuickClose(node: BusNode): Promise<void> {
    const since = performance.now();
    await open.splice(open.indexOf(node), 1)[0]!.close();
    expect(performance.now() - since).toBeLessThan(LIMIT_MS);
  }

  it('when nothing flows to the database', async () => {
    const { proxy, node } = await viaProxy();
    await aNode();
    await eventually(() => expect(node.nodes.isAlone).toBe(false));
    proxy.freeze();
    node.bus.publish(aHint(1));
    await expectQuickClose(node);
    proxy.thaw();
    await eventually(() => expect(proxy.connections).toBe(0));
    await proxy.close();
  });

  it('while it waits for an answer in the middle of coming back', async () => {
    const { proxy, node } = await viaProxy();
    const { taken } = proxy;
    proxy.cut();
    proxy.freeze();
    await untilTaken(proxy, taken + 1);
    await expectQuickClose(node);
    proxy.thaw();
    await eventually(() => expect(proxy.connections).toBe(0));
    await proxy.close();
  });

  it('while nobody is there to come back to', async () => {
    const { proxy, node } = await viaProxy();
    await proxy.close();
    await eventually(() => expect(logger.warn).toHaveBeenCalledWith(expect.stringContaining('ECONNREFUSED')));
    await expectQuickClose(node);
  });

  it('and what it said last is still heard', async () => {
    const [first, second] = [await aNode(), await aNode()];
    await untilHeard(first.bus, second.bus, 7);
    const { heard } = await hearing(second.bus, 1);
    for (let seq = 1; seq <= 2_000; seq++) first.bus.publish(aHint(1, seq));
    await expectQuickClose(first);
    await eventually(() => expect(heard).toHaveLength(2_000));
  });
});

it('a start that cannot reach the database fails with its reason, and leaves nothing open', async () => {
  const nodes = { id: 'nod_x' } as NodeRegistry;
  const bus = new PostgresBus({ ...database.connection, port: 1 }, nodes);
  await expect(bus.onModuleInit()).rejects.toThrow('ENOENT');
  await bus.onApplicationShutdown();
});
