import { Cluster } from './cluster.js';
import { expectNoFaults } from './expect-no-faults.js';
import { injectFaults, POSTGRES_FAULTS } from './faults.js';
import { Load } from './load.js';
import { chooseSeed } from './random.js';

const SECONDS = 20;
const EVERY_MS = 5_000;
const SHAPE = { users: 20, devicesPerUser: 4, restWriters: 12, socketWriters: 6, readers: 2, pauseMs: 80 };
const LEAST_MESSAGES = 300;

let cluster: Cluster;
let load: Load;

beforeAll(async () => {
  cluster = await Cluster.start({ seed: chooseSeed(), bus: 'postgres' });
}, 60_000);
afterAll(async () => {
  load?.close();
  await cluster?.remove();
});

it('PostgreSQL stopped at once and started again under load: three nodes recover by themselves, nothing is lost', async () => {
  load = await Load.start(cluster, SHAPE);
  const { random } = cluster;
  await injectFaults({ cluster, load, random }, POSTGRES_FAULTS, { seconds: SECONDS, everyMs: EVERY_MS });
  expectNoFaults(cluster, await load.finish());
  expect(cluster.history.count('PostgreSQL: started')).toBeGreaterThanOrEqual(3);
  expect(load.written).toBeGreaterThan(LEAST_MESSAGES);
}, 120_000);
