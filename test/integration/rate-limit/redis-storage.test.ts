import { parseRedisUrl } from '../../../src/config/redis-address.js';
import { systemClock } from '../../../src/kernel/clock.js';
import { MemoryStorage } from '../../../src/rate-limit/memory-storage.js';
import { COUNT_TIMEOUT, LOCAL_PERIOD, RedisStorage } from '../../../src/rate-limit/redis-storage.js';
import { OwnRedis } from '../../cluster/redis.js';
import { eventually } from '../../support/eventually.js';
import { silenceLogger } from '../bus/postgres-node.js';
import { describeWithRedis } from '../bus/redis-node.js';

const HOUR = 3_600_000;
/** For a timer that fires late on a busy machine, in milliseconds. */
const SLACK = 500;
/** Longer than a connection may be silent, in milliseconds. */
const PAUSE = 5000;
describeWithRedis('the rate limit that nodes share in Redis', () => {
  let redis: OwnRedis;
  let opened: RedisStorage[];

  const open = async (installation = 'one'): Promise<RedisStorage> => {
    const storage = new RedisStorage(parseRedisUrl(redis.url), installation, new MemoryStorage(systemClock));
    opened.push(storage);
    await storage.onModuleInit();
    return storage;
  };
  const hit = (storage: RedisStorage, key = 'k', ttl = HOUR, limit = 3) =>
    storage.increment(key, ttl, limit, ttl, 'default');
  const untilShared = (storage: RedisStorage, timeoutMs = 15_000): Promise<void> =>
    eventually(
      async () => {
        await hit(storage, `probe-${Math.random()}`);
        expect(storage.isLocal).toBe(false);
      },
      { timeoutMs },
    );

  beforeEach(async () => {
    silenceLogger();
    opened = [];
    redis = await OwnRedis.create();
  });
  afterEach(async () => {
    for (const storage of opened) storage.onApplicationShutdown();
    await redis.remove();
  });

  it('is one count for all nodes, exact under concurrency, and blocks beyond the limit', async () => {
    const nodes = [await open(), await open(), await open()];
    const hits = await Promise.all(
      Array.from({ length: 300 }, (_, index) => hit(nodes[index % 3]!, 'k', HOUR, 100)),
    );
    expect(hits.map(({ totalHits }) => totalHits).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 300 }, (_, index) => index + 1),
    );
    expect(hits.filter(({ isBlocked }) => !isBlocked)).toHaveLength(100);
    expect(hits.every(({ timeToExpire }) => timeToExpire > 3590 && timeToExpire <= 3600)).toBe(true);
    expect(nodes.map(({ isLocal }) => isLocal)).toEqual([false, false, false]);
  });

  it('counts each key, and each installation, for itself', async () => {
    const [one, other] = [await open('one'), await open('other')];
    await hit(one, 'a');
    expect(await hit(one, 'b')).toMatchObject({ totalHits: 1 });
    expect(await hit(other, 'a')).toMatchObject({ totalHits: 1 });
    expect(await hit(one, 'a')).toMatchObject({ totalHits: 2 });
  });

  it('begins a window with the first hit, does not make it longer, and forgets it when it is over', async () => {
    const storage = await open();
    const started = performance.now();
    while (performance.now() - started < 900) await hit(storage, 'k', 1000);
    await eventually(async () => expect(await hit(storage, 'k', 1000)).toMatchObject({ totalHits: 1 }), {
      timeoutMs: 1000,
    });
    await eventually(async () => expect(await redis.command('DBSIZE')).toBe(':0'));
  });

  it('goes on from the same count after a lost connection', async () => {
    const storage = await open();
    await hit(storage);
    await redis.command('CLIENT KILL TYPE normal');
    await untilShared(storage);
    expect(await hit(storage)).toMatchObject({ totalHits: 2 });
  });

  it('counts by itself while Redis is away, at once and also from the start, and together again later', async () => {
    const before = await open();
    await hit(before);
    await redis.kill();
    await eventually(async () => {
      await hit(before, 'other');
      expect(before.isLocal).toBe(true);
    });
    const during = await open();
    const started = performance.now();
    for (const storage of [before, during])
      expect(await hit(storage, 'k', HOUR, 1)).toMatchObject({ totalHits: 1, isBlocked: false });
    expect(await hit(during, 'k', HOUR, 1)).toMatchObject({ totalHits: 2, isBlocked: true });
    expect(performance.now() - started).toBeLessThan(SLACK);
    expect(during.isLocal).toBe(true);
    await redis.start();
    for (const storage of [before, during]) await untilShared(storage);
    expect(await hit(before, 'new')).toMatchObject({ totalHits: 1 });
    expect(await hit(during, 'new')).toMatchObject({ totalHits: 2 });
  });

  it.each<[string, () => unknown, () => unknown]>([
    ['stopped', () => redis.signal('SIGSTOP'), () => redis.signal('SIGCONT')],
    ['paused', () => redis.command(`CLIENT PAUSE ${PAUSE} ALL`), () => undefined],
    ['frozen on the way', () => redis.proxy.freeze(), () => redis.proxy.thaw()],
  ])('makes nobody wait long for a Redis that is %s', async (_, stop, go) => {
    const storage = await open();
    await hit(storage);
    await stop();
    const started = performance.now();
    const hits = await Promise.all(Array.from({ length: 100 }, () => hit(storage, 'k', HOUR, 1000)));
    expect(performance.now() - started).toBeLessThan(COUNT_TIMEOUT + SLACK);
    expect(Math.max(...hits.map(({ totalHits }) => totalHits))).toBe(100);
    expect(storage.isLocal).toBe(true);
    const again = performance.now();
    await hit(storage); // for a while nobody waits at all
    expect(performance.now() - again).toBeLessThan(Math.min(COUNT_TIMEOUT, LOCAL_PERIOD));
    await go();
    await untilShared(storage);
  });

  it('survives a Redis that forgets everything, scripts and counts', async () => {
    const storage = await open();
    await hit(storage);
    await redis.command('FLUSHALL');
    await redis.command('SCRIPT FLUSH');
    expect(await hit(storage)).toMatchObject({ totalHits: 1 });
    expect(storage.isLocal).toBe(false);
  });
});
