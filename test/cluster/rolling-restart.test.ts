import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../support/eventually.js';
import { Cluster } from './cluster.js';
import type { ClusterNode } from './cluster-node.js';
import { expectNoFaults } from './expect-no-faults.js';
import { Load } from './load.js';
import { chooseSeed } from './random.js';
import { RoundRobin, RoundRobinClient } from './round-robin.js';

/** 1,000 clients. */
const USERS = 250;
const DEVICES_PER_USER = 4;
const WRITERS = 12;
/** Load before the first restart and after each, in milliseconds. */
const BETWEEN_MS = 1_500;
/** The stock client's own pauses; every other client does what `drain` asks, as an SDK would. */
const STOCK_BACKOFF = { reconnectionDelay: 1_000, reconnectionDelayMax: 5_000 };
const RETURN_LIMIT_MS = 20_000;
/** No more of those who had to leave come back in a tenth of a second. */
const WINDOW_MS = 100;
const MOST_IN_A_WINDOW = 0.25;

let cluster: Cluster;
let load: Load;
let balancer: RoundRobin;
const clients: RoundRobinClient[] = [];

beforeAll(async () => {
  cluster = await Cluster.start({ seed: chooseSeed(), bus: 'postgres' });
}, 60_000);
afterAll(async () => {
  balancer?.close();
  load?.close();
  await cluster?.remove();
});

/** Replaces one node. @returns when each client came back that had to leave, in milliseconds after the beginning */
async function replace(node: ClusterNode): Promise<number[]> {
  const before = new Map(load.devices.map((device) => [device, device.readyAt.length]));
  const told = new Map(load.devices.map((device) => [device, device.drains.length]));
  const began = Date.now();
  expect(await node.terminate()).toBe(0);
  node.launch();
  await node.ready();
  await eventually(() => expect(load.devices.filter((device) => !device.isReady)).toHaveLength(0), {
    timeoutMs: RETURN_LIMIT_MS,
  });
  const left = load.devices.filter((device) => device.drains.length > told.get(device)!);
  return left.map((device) => device.readyAt[before.get(device)!]! - began).toSorted((a, b) => a - b);
}

/** The largest share of them in any window. */
function crowd(times: readonly number[]): number {
  const inWindow = times.map((from) => times.filter((at) => at >= from && at < from + WINDOW_MS).length);
  return Math.max(...inWindow) / times.length;
}

it('Three nodes replaced one by one under load: no request is lost, 1,000 clients come back spread out', async () => {
  const { key, nodes, history } = cluster;
  balancer = new RoundRobin(nodes);
  load = await Load.start(cluster, {
    ...{ users: USERS, devicesPerUser: DEVICES_PER_USER, restWriters: WRITERS, socketWriters: 4, readers: 1 },
    pauseMs: 60,
    device: (index) => ({ backoff: STOCK_BACKOFF, heedsDrain: index % 2 === 1 }),
    client: () => {
      const client = new RoundRobinClient(key, balancer);
      clients.push(client);
      return client;
    },
  });
  for (const node of nodes) {
    await delay(BETWEEN_MS);
    const closingBefore = clients.reduce((sum, { closing }) => sum + closing, 0);
    const back = await replace(node);
    const closing = clients.reduce((sum, client) => sum + client.closing, -closingBefore);
    history.note(
      `${node.name}: ${back.length} clients came back after ${back[0]} to ${back.at(-1)} ms, at most ${Math.round(100 * crowd(back))} % in ${WINDOW_MS} ms; ${closing} answers said Connection: close`,
    );
    expect(back.length).toBeGreaterThan((USERS * DEVICES_PER_USER) / nodes.length / 4);
    expect(crowd(back)).toBeLessThan(MOST_IN_A_WINDOW);
  }
  expect(clients.reduce((sum, { closing }) => sum + closing, 0)).toBeGreaterThan(0);
  await delay(BETWEEN_MS);
  const faults = await load.finish();
  if (process.env.SHOW) console.log(history.toString());
  expectNoFaults(cluster, faults);
}, 150_000);
