import type { RedisAddress, RedisPlace } from '../config/redis-address.js';
import { ask, type RedisLogin } from './redis-connection.js';
import { SLOTS } from './redis-slots.js';

/** A server that takes writes, and the slots that are its own: pairs of the first and the last. */
export interface RedisServer {
  readonly place: RedisPlace;
  readonly slots: readonly (readonly [number, number])[];
}

/**
 * Asks who serves what now.
 *
 * @param known servers that have answered before: asked as well, since those of the address may all be gone
 * @throws AggregateError when nobody gives an answer
 */
export async function discover(
  address: RedisAddress,
  known: readonly RedisPlace[],
): Promise<readonly RedisServer[]> {
  if (address.kind === 'server') return address.places.map(ofAllSlots);
  const errors: unknown[] = [];
  for (const place of [...address.places, ...known]) {
    try {
      if (address.kind === 'cluster') return await askCluster(place, address);
      return [ofAllSlots(await askSentinel(place, address))];
    } catch (error) {
      errors.push(error);
    }
  }
  throw new AggregateError(errors, `No ${address.kind} gave an answer: ${errors.map(String).join('; ')}`);
}

function ofAllSlots(place: RedisPlace): RedisServer {
  return { place, slots: [[0, SLOTS - 1]] };
}

/** One entry of `CLUSTER SLOTS`: the first slot, the last, the master, its replicas. A node without a host is the asked one. */
type SlotEntry = readonly [number, number, readonly [string | null, number, ...unknown[]], ...unknown[]];

async function askCluster(asked: RedisPlace, login: RedisLogin): Promise<readonly RedisServer[]> {
  const entries = (await ask(asked, login, ['CLUSTER', 'SLOTS'])) as readonly SlotEntry[];
  if (entries.length === 0) throw new Error(`${asked.host}:${asked.port} knows of no slots`);
  return entries.map(([first, last, [host, port]]) => ({
    place: { host: host || asked.host, port },
    slots: [[first, last]],
  }));
}

/** Sentinels are asked without credentials, and with those of Redis if they demand some. */
async function askSentinel(asked: RedisPlace, address: RedisAddress): Promise<RedisPlace> {
  const command = ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', address.master];
  const login = { tls: address.tls, username: undefined, password: undefined, database: 0 };
  const answer = (await ask(asked, login, command).catch((error: unknown) => {
    if (!String(error).includes('NOAUTH')) throw error;
    return ask(asked, { ...address, database: 0 }, command);
  })) as readonly [string, string] | null;
  if (!answer) throw new Error(`${asked.host}:${asked.port} does not watch ${address.master}`);
  return { host: answer[0], port: Number(answer[1]) };
}
