import { setTimeout as delay } from 'node:timers/promises';
import { SUBSCRIBE_TIMEOUT } from '../../../src/bus/redis-bus.js';
import { parseRedisUrl } from '../../../src/config/redis-address.js';
import { ask } from '../../../src/redis/redis-connection.js';
import { OwnRedis } from '../../cluster/redis.js';
import { TcpProxy } from '../../cluster/tcp-proxy.js';
import { eventually } from '../../support/eventually.js';
import { aHint, hearing, untilHeard } from './bus-contract.js';
import { silenceLogger } from './postgres-node.js';
import { describeWithRedis, openRedisBuses, type RedisBusPair } from './redis-node.js';

/** For a timer that fires late on a busy machine, in milliseconds. */
const SLACK = 500;
/** Longer than a connection may be silent, in milliseconds. */
const PAUSE = 5000;
/** More users than one chunk of subscriptions has. */
const USERS = 2500;
const PROBE = 999_999;
describeWithRedis('the bus over Redis, when Redis fails', () => {
  let redis: OwnRedis;
  let pair: RedisBusPair;
  let lapses: number;

  /** Channels that anybody is subscribed to. */
  const channels = async (): Promise<string[]> =>
    (await ask(placeOf(redis.url), parseRedisUrl(redis.url), ['PUBSUB', 'SHARDCHANNELS'])) as string[];
  const untilBothHear = async (): Promise<void> => {
    await untilHeard(pair.here, pair.there, PROBE);
    await untilHeard(pair.there, pair.here, PROBE);
  };

  beforeEach(async () => {
    silenceLogger();
    redis = await OwnRedis.create();
    pair = await openRedisBuses(redis.url);
    await untilBothHear();
    lapses = 0;
    pair.there.onLapse(() => lapses++);
  });
  afterEach(async () => {
    await pair.close();
    await redis.remove();
  });

  it('hears every user again after a restart that forgot all subscriptions, and says that hints were lost', async () => {
    const users = Array.from({ length: USERS }, (_, index) => index + 1);
    const heard = new Map<number, number>();
    await Promise.all(
      users.map((user) => pair.there.subscribe(user, () => heard.set(user, (heard.get(user) ?? 0) + 1))),
    );
    await redis.kill();
    pair.here.publish(aHint(1));
    await redis.start();
    await eventually(() => expect(lapses).toBeGreaterThan(0), { timeoutMs: 10_000 });
    await untilBothHear();
    heard.clear();
    for (const user of users) pair.here.publish(aHint(user, 2));
    await eventually(() => expect(heard.size).toBe(USERS));
    expect([...heard.values()].every((count) => count === 1)).toBe(true);
  });

  it('sends what was said while Redis was away as soon as it is back', async () => {
    await pair.close();
    const way = await TcpProxy.open(redis.proxy.port);
    pair = await openRedisBuses(`redis://127.0.0.1:${way.port}`, redis.url);
    await untilBothHear();
    const { heard } = await hearing(pair.there, 1);
    way.refuse();
    pair.here.publish(aHint(1, 1));
    way.cut(); // with that on the wire
    pair.here.publish(aHint(1, 2));
    await delay(SLACK);
    pair.here.publish(aHint(1, 3));
    await way.accept();
    await eventually(() => expect(heard.at(-1)).toEqual(aHint(1, 3)));
    expect(heard.slice(-2)).toEqual([aHint(1, 2), aHint(1, 3)]);
    way.close();
  });

  it('loses nothing by FLUSHALL', async () => {
    const { heard } = await hearing(pair.there, 1);
    await redis.command('FLUSHALL');
    pair.here.publish(aHint(1));
    await eventually(() => expect(heard).toEqual([aHint(1)]));
    expect(lapses).toBe(0);
  });

  it.each<[string, () => unknown, () => unknown]>([
    ['stopped', () => redis.signal('SIGSTOP'), () => redis.signal('SIGCONT')],
    ['paused', () => redis.command(`CLIENT PAUSE ${PAUSE} ALL`), () => undefined],
    ['frozen on the way', () => redis.proxy.freeze(), () => redis.proxy.thaw()],
  ])(
    'keeps nobody waiting for a Redis that is %s, takes the silent connection down and comes back',
    async (_, stop, go) => {
      await stop();
      const started = performance.now();
      const { heard } = await hearing(pair.there, 1);
      pair.here.publish(aHint(1));
      expect(performance.now() - started).toBeLessThan(SUBSCRIBE_TIMEOUT + SLACK);
      await eventually(
        async () => {
          const before = performance.now();
          (await hearing(pair.there, 2)).end(); // answered at once: nobody believes in that connection any more
          expect(performance.now() - before).toBeLessThan(SUBSCRIBE_TIMEOUT / 2);
        },
        { timeoutMs: 10_000 },
      );
      await go();
      await eventually(() => expect(lapses).toBeGreaterThan(0), { timeoutMs: 15_000 });
      await untilBothHear();
      pair.here.publish(aHint(1, 2));
      await eventually(() => expect(heard).toContainEqual(aHint(1, 2)));
    },
  );

  it('keeps little while Redis is away, however much is published', async () => {
    await redis.kill();
    const before = process.memoryUsage().rss;
    const hint = aHint(1, 1, 6_000);
    for (let i = 0; i < 50_000; i++) pair.here.publish(hint); // 300 MB of text
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024);
    await redis.start();
    await untilBothHear();
  });

  it('hears a channel only while somebody on the node hears that user', async () => {
    const before = await channels();
    const one = await hearing(pair.there, 1);
    const two = await hearing(pair.there, 1);
    expect(await channels()).toHaveLength(before.length + 1);
    one.end();
    await untilBothHear();
    expect(await channels()).toHaveLength(before.length + 1);
    two.end();
    await eventually(async () => expect((await channels()).sort()).toEqual(before.sort()));
  });

  it('does not care for what strangers say on its channels', async () => {
    const { heard } = await hearing(pair.there, 1);
    const [channel] = (await channels()).filter((name) => name.endsWith(':{1}'));
    for (const text of [
      '',
      'x',
      'nod_x 1 {',
      'nod_x 1 null',
      'nod_x 1 {}',
      'nod_x 1 {"kind":"log","userId":2}',
      'nod_x 1 ["log",1]',
      'nod_x 2 ["log",1,0,0,false,[]]',
    ])
      await ask(placeOf(redis.url), parseRedisUrl(redis.url), ['SPUBLISH', channel!, text]);
    pair.here.publish(aHint(1));
    await eventually(() => expect(heard).toEqual([aHint(1)]));
    expect(lapses).toBe(0);
  });

  it('keeps two installations apart that share a Redis', async () => {
    const other = await openRedisBuses(redis.url);
    const stranger = await hearing(other.there, 1);
    const { heard } = await hearing(pair.there, 1);
    pair.here.publish(aHint(1));
    await eventually(() => expect(heard).toHaveLength(1));
    await untilHeard(other.here, other.there, PROBE);
    expect(stranger.heard).toEqual([]);
    await other.close();
  });

  it('starts without Redis, and finds it when it comes', async () => {
    await pair.close();
    await redis.kill();
    const started = performance.now();
    pair = await openRedisBuses(redis.url);
    expect(performance.now() - started).toBeLessThan(10_000);
    const { heard } = await hearing(pair.there, 1);
    pair.here.publish(aHint(1));
    await redis.start();
    await untilBothHear();
    expect(heard).toEqual([aHint(1)]);
  });
});

function placeOf(url: string): { host: string; port: number } {
  return parseRedisUrl(url).places[0]!;
}
