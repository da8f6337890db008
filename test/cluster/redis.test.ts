import { Cluster } from './cluster.js';
import { expectNoFaults } from './expect-no-faults.js';
import { injectFaults, NODE_FAULTS, REDIS_FAULTS } from './faults.js';
import { Load } from './load.js';
import { chooseSeed } from './random.js';
import { hasRedis } from './redis.js';

const SECONDS = 25;
const EVERY_MS = 1_200;
const SHAPE = { users: 25, devicesPerUser: 4, restWriters: 12, socketWriters: 6, readers: 2, pauseMs: 80 };
const LEAST_MESSAGES = 400;

let cluster: Cluster;
let load: Load;

afterAll(async () => {
  load?.close();
  await cluster?.remove();
});

const itWithRedis = hasRedis() ? it : it.skip;

itWithRedis(
  'Redis restarted, flushed, paused, frozen and cut off while nodes are killed: nothing lost, nothing twice',
  async () => {
    cluster = await Cluster.start({ seed: chooseSeed(), bus: 'redis' });
    load = await Load.start(cluster, SHAPE);
    const { random } = cluster;
    const faults = { ...REDIS_FAULTS, kill: NODE_FAULTS.kill! };
    await injectFaults({ cluster, load, random }, faults, { seconds: SECONDS, everyMs: EVERY_MS });
    expectNoFaults(cluster, await load.finish());
    expect(cluster.history.count('Redis:')).toBeGreaterThanOrEqual(Object.keys(REDIS_FAULTS).length);
    expect(load.written).toBeGreaterThan(LEAST_MESSAGES);
  },
  150_000,
);
