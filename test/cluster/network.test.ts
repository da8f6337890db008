import { Cluster } from './cluster.js';
import { expectNoFaults } from './expect-no-faults.js';
import { injectFaults, NETWORK_FAULTS } from './faults.js';
import { Load } from './load.js';
import { chooseSeed } from './random.js';

const SECONDS = 20;
const EVERY_MS = 1_200;
const SHAPE = { users: 25, devicesPerUser: 4, restWriters: 12, socketWriters: 6, readers: 2, pauseMs: 80 };
const LEAST_MESSAGES = 300;

let cluster: Cluster;
let load: Load;

beforeAll(async () => {
  cluster = await Cluster.start({ seed: chooseSeed(), bus: 'postgres', proxied: true });
}, 60_000);
afterAll(async () => {
  load?.close();
  await cluster?.remove();
});

it('Connections reset, frozen and refused, devices offline for 2 s: each continues exactly where it was', async () => {
  load = await Load.start(cluster, SHAPE);
  const { random } = cluster;
  await injectFaults({ cluster, load, random }, NETWORK_FAULTS, { seconds: SECONDS, everyMs: EVERY_MS });
  expectNoFaults(cluster, await load.finish());
  expect(cluster.history.count('reset')).toBeGreaterThan(2);
  expect(cluster.history.count('offline')).toBeGreaterThan(2);
  expect(load.written).toBeGreaterThan(LEAST_MESSAGES);
}, 120_000);
