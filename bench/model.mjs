/**
 * `npm run model`: how many nodes a load needs, and what gives out first. Arithmetic with costs that were measured on two
 * shared cores (docs/performance.md, bench/hint-cost.mjs); put in those of your own machine (`npm run bench`).
 *
 * Options: --connections N, --messages N (a second), --devices N (that hear each message), --reconcile N (milliseconds).
 * Without them: the three sizes of docs/scaling.md.
 */
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

/** Microseconds of CPU unless a name says otherwise. */
export const COSTS = {
  /** POST /v1/message/receive, on the node. performance.md, A. */
  post: 72,
  /** The same, in PostgreSQL, 32 at once: group commit shares it. */
  postInDatabase: 36,
  /** One device that hears a message: the last of 1,000 has it after 21.2 ms. performance.md, D. An upper bound. */
  delivery: 21,
  /** Announcing a message to other nodes over PostgreSQL. hint-cost.mjs. */
  sendHint: 7,
  /** Hearing a hint that nobody on the node waits for: every node hears all of them. hint-cost.mjs, the worst of three. */
  hearHint: 3.3,
  /** One head of anti-entropy, in PostgreSQL. Assumed, not measured: a look-up by the primary key. */
  headInDatabase: 5,
  /** KiB for each open socket. performance.md, C, the worst run. */
  socketKib: 24,
};

export const LIMITS = {
  /** Of a core: beyond it latency grows. */
  utilization: 0.6,
  /** Sockets of a node, so that its death is no storm: 2,000 handshakes a second bring them back in a few seconds. */
  connectionsPerNode: 5000,
  /** Hints a second over NOTIFY between two nodes, without a backlog (the design's prototype; more nodes were not measured). */
  notifiesPerSecond: 16_400,
  /** Nodes that listen to one PostgreSQL. A cautious guess: each is woken by each NOTIFY. */
  listeningNodes: 10,
  /** DATABASE_POOL_SIZE and the bus. */
  databaseConnectionsPerNode: 13,
};

export const SIZES = {
  'one node': { connections: 3000, messages: 300, devices: 2 },
  'ten nodes': { connections: 50_000, messages: 4000, devices: 2 },
  'a thousand nodes': { connections: 5_000_000, messages: 80_000, devices: 2, reconcile: 60_000 },
};

/** What a load needs. `connections` open sockets, `messages` a second, `devices` that hear each, `reconcile` in ms. */
export function plan({ connections, messages, devices, reconcile = 2000 }) {
  const cores = (microseconds) => microseconds / 1e6 / LIMITS.utilization;
  const byConnections = Math.ceil(connections / LIMITS.connectionsPerNode);
  const own = messages * (COSTS.post + devices * COSTS.delivery + COSTS.sendHint);
  const byCpu = Math.ceil(cores(own));
  const nodes = Math.max(1, byConnections, byCpu);
  const heads = (connections * 1000) / reconcile;
  const redis = nodes > LIMITS.listeningNodes || messages > LIMITS.notifiesPerSecond;
  return {
    nodes,
    'because of': byCpu > byConnections ? 'CPU' : 'connections',
    'MiB of sockets a node': Math.round((connections / nodes) * (COSTS.socketKib / 1024)),
    bus: nodes === 1 ? 'none' : redis ? 'Redis' : 'PostgreSQL',
    'CPU of a node, all hints heard': percent((messages * COSTS.hearHint) / 1e6),
    'database cores': cores(messages * COSTS.postInDatabase + heads * COSTS.headInDatabase).toFixed(1),
    'of them for anti-entropy': cores(heads * COSTS.headInDatabase).toFixed(1),
    'database connections': nodes * LIMITS.databaseConnectionsPerNode,
  };
}

function percent(share) {
  return `${(share * 100).toFixed(1)} %`;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const names = ['connections', 'messages', 'devices', 'reconcile'];
  const { values } = parseArgs({
    options: Object.fromEntries(names.map((name) => [name, { type: 'string' }])),
  });
  const given = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Number(value)]));
  const sizes = Object.keys(given).length > 0 ? { yours: { ...SIZES['one node'], ...given } } : SIZES;
  for (const [name, load] of Object.entries(sizes)) {
    console.log(`${name}: ${JSON.stringify(load)}`);
    for (const [what, value] of Object.entries(plan(load))) console.log(`  ${what.padEnd(32)}${value}`);
  }
}
