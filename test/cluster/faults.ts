import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster } from './cluster.js';
import type { ClusterNode } from './cluster-node.js';
import type { Load } from './load.js';
import type { Random } from './random.js';
import type { OwnRedis } from './redis.js';

/** What a fault may do something to. */
export interface Scene {
  cluster: Cluster;
  load: Load;
  random: Random;
}

/** Something that goes wrong, and is over when this resolves. */
export type Fault = (scene: Scene) => Promise<void>;

/** How long a device is away, in milliseconds. */
const OFFLINE_MS = 2_000;
/** How long something stands still or is unreachable at least and at most, in milliseconds. */
const OUTAGE = { min: 300, max: 2_500 };
/** The same for a node that stands still: sometimes for longer than its lease. */
const PAUSE = { min: 500, max: 7_000 };

/** What befalls the processes of nodes. */
export const NODE_FAULTS: Record<string, Fault> = {
  kill: ({ cluster, random }) => random.pick(cluster.nodes).killAndRestart(),
  pause: ({ cluster, random }) => random.pick(cluster.nodes).pause(random.integer(PAUSE.min, PAUSE.max)),
  replace: async ({ cluster, random }) => {
    const node = random.pick(cluster.nodes);
    const code = await node.terminate();
    if (code !== 0 && code !== null) node.falls.push(`${node.name} answered SIGTERM with ${code}`);
    node.launch();
  },
};

/** What befalls the connections between clients and nodes. */
export const NETWORK_FAULTS: Record<string, Fault> = {
  'cut all': between('connections reset', async ({ proxy }) => proxy?.cut()),
  'cut some': between('some connections reset', async ({ proxy }, random) =>
    proxy?.cut(random, random.next()),
  ),
  freeze: between('network frozen', async ({ proxy }, random) => {
    proxy?.freeze();
    await outage(random);
    proxy?.thaw();
  }),
  'freeze, then cut': between('network frozen, then reset', async ({ proxy }, random) => {
    proxy?.freeze();
    await outage(random);
    proxy?.cut();
    proxy?.thaw();
  }),
  refuse: between('unreachable', async ({ proxy }, random) => {
    proxy?.refuse();
    proxy?.cut();
    await outage(random);
    await proxy?.accept();
  }),
  offline: async ({ load, random }) => {
    for (const device of load.devices) if (random.next() < 0.1) device.goOffline(OFFLINE_MS);
    await delay(OFFLINE_MS);
  },
};

/** What befalls PostgreSQL: it falls at once, as with `pg_ctl -m immediate`, and is started again. */
export const POSTGRES_FAULTS: Record<string, Fault> = {
  'postgres crash': async ({ cluster, random }) => {
    cluster.history.note('PostgreSQL: stopped at once');
    await cluster.postgres.crash();
    await delay(random.integer(0, 1_000));
    await cluster.postgres.start();
    cluster.history.note('PostgreSQL: started');
  },
};

/** What befalls Redis, and the connections of nodes to it. */
export const REDIS_FAULTS: Record<string, Fault> = {
  'redis restart': redis('killed and started', async (server, random) => {
    await server.kill();
    await outage(random);
    await server.start();
  }),
  'redis flush': redis('FLUSHALL', async (server) => expect(await server.command('FLUSHALL')).toBe('+OK')),
  'redis pause': redis('CLIENT PAUSE', async (server, random) => {
    const ms = random.integer(OUTAGE.min, OUTAGE.max);
    expect(await server.command(`CLIENT PAUSE ${ms} ALL`)).toBe('+OK');
    await delay(ms);
  }),
  'redis standstill': redis('SIGSTOP, SIGCONT', async (server, random) => {
    server.signal('SIGSTOP');
    await outage(random);
    server.signal('SIGCONT');
  }),
  'redis forgets listeners': redis('CLIENT KILL TYPE pubsub', async (server) => {
    expect(await server.command('CLIENT KILL TYPE pubsub')).toMatch(/^:/);
  }),
  'redis cut': redis('connections reset', async ({ proxy }) => proxy.cut()),
  'redis frozen': redis('network frozen, then reset', async ({ proxy }, random) => {
    proxy.freeze();
    await outage(random);
    proxy.cut();
    proxy.thaw();
  }),
  'redis unreachable': redis('unreachable', async ({ proxy }, random) => {
    proxy.refuse();
    proxy.cut();
    await outage(random);
    await proxy.accept();
  }),
};

/**
 * Injects faults one after the other, each at random and at least every other once, and waits at the end until all nodes
 * are ready.
 *
 * @param everyMs from the beginning of one to the beginning of the next, if it is over by then
 */
export async function injectFaults(
  scene: Scene,
  faults: Record<string, Fault>,
  { seconds, everyMs }: { seconds: number; everyMs: number },
): Promise<void> {
  let due: string[] = [];
  for (const end = Date.now() + seconds * 1_000; Date.now() < end;) {
    const next = Date.now() + everyMs;
    if (due.length === 0) due = Object.keys(faults);
    const [name] = due.splice(scene.random.integer(0, due.length - 1), 1);
    await faults[name!]!(scene);
    await delay(Math.max(0, next - Date.now()));
  }
  await scene.cluster.ready();
}

async function outage(random: Random): Promise<void> {
  await delay(random.integer(OUTAGE.min, OUTAGE.max));
}

function between(what: string, befall: (node: ClusterNode, random: Random) => Promise<void>): Fault {
  return async ({ cluster, random }) => {
    const node = random.pick(cluster.nodes);
    cluster.history.note(`${node.name}: ${what}`);
    await befall(node, random);
  };
}

function redis(what: string, befall: (server: OwnRedis, random: Random) => Promise<void>): Fault {
  return async ({ cluster, random }) => {
    if (!cluster.redis) throw new Error('this cluster has no Redis');
    cluster.history.note(`Redis: ${what}`);
    await befall(cluster.redis, random);
  };
}
