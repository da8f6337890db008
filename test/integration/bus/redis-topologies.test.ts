import { parseRedisUrl } from '../../../src/config/redis-address.js';
import { systemClock } from '../../../src/kernel/clock.js';
import { MemoryStorage } from '../../../src/rate-limit/memory-storage.js';
import { RedisStorage } from '../../../src/rate-limit/redis-storage.js';
import { slotOf } from '../../../src/redis/redis-slots.js';
import { eventually } from '../../support/eventually.js';
import { aHint, hearing, untilHeard } from './bus-contract.js';
import { silenceLogger } from './postgres-node.js';
import { describeWithRedis, openRedisBuses, type RedisBusPair } from './redis-node.js';
import { RedisTopology } from './redis-topologies.js';

const HOUR = 3_600_000;
const USERS = Array.from({ length: 30 }, (_, index) => index + 1);
const PROBE = 999_999;
let topology: RedisTopology;
let pair: RedisBusPair;
let storage: RedisStorage;

async function open(): Promise<void> {
  silenceLogger();
  pair = await openRedisBuses(topology.url);
  storage = new RedisStorage(parseRedisUrl(topology.url), 'test', new MemoryStorage(systemClock));
  await storage.onModuleInit();
}

afterEach(async () => {
  storage.onApplicationShutdown();
  await pair.close();
  await topology.remove();
});

async function hit(key: string): Promise<number> {
  return (await storage.increment(key, HOUR, 1000, HOUR, 'default')).totalHits;
}

describeWithRedis('a Redis Cluster', () => {
  beforeEach(async () => {
    topology = await RedisTopology.cluster();
    await open();
  }, 60_000);

  it('knows the slot of any key', async () => {
    for (const key of [
      '',
      'a',
      '123456789',
      'parley:x:{42}',
      '{}a',
      'a{}b',
      'a{b',
      'a{b}{c}',
      '}{a}',
      'ü🙂{ü}',
    ])
      expect(`${key} ${slotOf(key)}`).toBe(
        `${key} ${String(await topology.servers[0]!.ask('CLUSTER', 'KEYSLOT', key))}`,
      );
  });

  it('carries hints of every user and counts every key, whichever server has them', async () => {
    const heard = new Set<number>();
    for (const user of USERS) await pair.there.subscribe(user, () => heard.add(user));
    for (const user of USERS) pair.here.publish(aHint(user));
    await eventually(() => expect(heard.size).toBe(USERS.length));
    for (const user of USERS) {
      expect(await hit(`user:${user}`)).toBe(1);
      expect(await hit(`user:${user}`)).toBe(2);
      expect(storage.isLocal).toBe(false);
    }
  });

  it('goes on with the servers that are left, and with all of them when the lost one is back', async () => {
    const [, lost] = topology.servers;
    const counts = new Map<number, number>();
    for (const user of USERS)
      await pair.there.subscribe(user, () => counts.set(user, (counts.get(user) ?? 0) + 1));
    await lost!.kill();
    for (const user of USERS) pair.here.publish(aHint(user, 1));
    await eventually(() => expect(counts.size).toBeGreaterThan(USERS.length / 3));
    expect(counts.size).toBeLessThan(USERS.length);
    await lost!.start();
    await eventually(
      () => {
        for (const user of USERS) pair.here.publish(aHint(user, 2));
        expect(counts.size).toBe(USERS.length);
      },
      { timeoutMs: 20_000, everyMs: 200 },
    );
  });

  it('follows a slot to another server', async () => {
    const { heard } = await hearing(pair.there, PROBE);
    const slot = slotOf(`{${PROBE}}`);
    const from = await topology.ownerOf(slot);
    const to = topology.servers.find((server) => server !== from)!;
    await topology.moveSlot(slot, to);
    await eventually(
      () => {
        pair.here.publish(aHint(PROBE));
        expect(heard).not.toEqual([]);
      },
      { timeoutMs: 15_000, everyMs: 100 },
    );
    expect(String(await to.ask('PUBSUB', 'SHARDCHANNELS'))).toContain(`{${PROBE}}`);
  });
});

describeWithRedis('a Redis that Sentinels watch', () => {
  beforeEach(async () => {
    topology = await RedisTopology.sentinel();
    await open();
  }, 60_000);

  it('is found through the Sentinel that answers, and found again where the Sentinels have moved it', async () => {
    const { heard } = await hearing(pair.there, 1);
    await untilHeard(pair.here, pair.there, PROBE);
    expect(await hit('k')).toBe(1);
    expect(storage.isLocal).toBe(false);
    const [master, replica] = topology.servers;
    await master!.kill();
    await eventually(
      async () => {
        await hit('other');
        expect(storage.isLocal).toBe(false);
        expect(String(await replica!.ask('ROLE'))).toMatch(/^master/);
      },
      { timeoutMs: 25_000, everyMs: 200 },
    );
    await untilHeard(pair.here, pair.there, PROBE + 1);
    pair.here.publish(aHint(1, 7));
    await eventually(() => expect(heard).toContainEqual(aHint(1, 7)));
  }, 60_000);
});
