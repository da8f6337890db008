import { Cluster } from './cluster.js';
import { expectNoFaults } from './expect-no-faults.js';
import { injectFaults, NETWORK_FAULTS, NODE_FAULTS, POSTGRES_FAULTS, REDIS_FAULTS } from './faults.js';
import { Load } from './load.js';
import { chooseSeed } from './random.js';
import { hasRedis } from './redis.js';

/** Asked for with `npm run soak -- --minutes N --seed S`. */
const MINUTES = Number(process.env.PARLEY_SOAK_MINUTES);
const ROUND_SECONDS = 45;
/** Faults of nodes and the network follow each other; beside them, those of what the nodes stand on. */
const NEAR_MS = 1_500;
const FAR_MS = 7_000;
const SHAPE = { users: 25, devicesPerUser: 4, restWriters: 12, socketWriters: 6, readers: 2, pauseMs: 80 };

/** A round with a cluster of its own, which its seed decides: a seed that failed is tried again as the first round. */
async function round(seed: number): Promise<string> {
  const bus = seed % 2 === 1 && hasRedis() ? 'redis' : 'postgres';
  const cluster = await Cluster.start({ seed, bus, proxied: true });
  let load: Load | undefined;
  try {
    load = await Load.start(cluster, SHAPE);
    const near = { cluster, load, random: cluster.random.fork() };
    const far = { cluster, load, random: cluster.random.fork() };
    const beneath = { ...POSTGRES_FAULTS, ...(bus === 'redis' && REDIS_FAULTS) };
    await Promise.all([
      injectFaults(near, { ...NODE_FAULTS, ...NETWORK_FAULTS }, { seconds: ROUND_SECONDS, everyMs: NEAR_MS }),
      injectFaults(far, beneath, { seconds: ROUND_SECONDS, everyMs: bus === 'redis' ? FAR_MS / 3 : FAR_MS }),
    ]);
    expectNoFaults(cluster, await load.finish());
    return `Seed ${seed} on ${bus}: ${load.summary()}`;
  } finally {
    load?.close();
    await cluster.remove();
  }
}

it(
  `Faults of all kinds at random for ${MINUTES} minutes`,
  async () => {
    let seed = chooseSeed();
    for (const end = Date.now() + MINUTES * 60_000; Date.now() < end; seed++)
      process.stdout.write(`${await round(seed)}\n`);
  },
  (MINUTES + 10) * 60_000,
);
