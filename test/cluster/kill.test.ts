import { Cluster } from './cluster.js';
import { expectNoFaults } from './expect-no-faults.js';
import { injectFaults, NODE_FAULTS } from './faults.js';
import { Load } from './load.js';
import { chooseSeed } from './random.js';

const SECONDS = 60;
const EVERY_MS = 2_000;
/** 200 clients. */
const SHAPE = { users: 50, devicesPerUser: 4, restWriters: 16, socketWriters: 8, readers: 2, pauseMs: 120 };
/** Less would be no load: far below what this carries on two busy cores. */
const LEAST_MESSAGES = 1_500;

let cluster: Cluster;
let load: Load;

beforeAll(async () => {
  cluster = await Cluster.start({ seed: chooseSeed(), bus: 'postgres' });
}, 60_000);
afterAll(async () => {
  load?.close();
  await cluster?.remove();
});

it('A random node of three killed with -9 every 2 s for 60 s: nothing lost, nothing twice, all in order', async () => {
  load = await Load.start(cluster, SHAPE);
  const { random } = cluster;
  await injectFaults(
    { cluster, load, random },
    { kill: NODE_FAULTS.kill! },
    { seconds: SECONDS, everyMs: EVERY_MS },
  );
  expectNoFaults(cluster, await load.finish());
  expect(cluster.history.count('kill -9')).toBeGreaterThanOrEqual((SECONDS * 1_000) / EVERY_MS - 4);
  expect(load.written).toBeGreaterThan(LEAST_MESSAGES);
  for (const { readyAt } of load.devices) expect(readyAt.length).toBeGreaterThan(3); // each came back again and again
}, 150_000);
