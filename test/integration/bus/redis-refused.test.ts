import { OwnRedis } from '../../cluster/redis.js';
import { eventually } from '../../support/eventually.js';
import { aHint, hearing, untilHeard } from './bus-contract.js';
import { silenceLogger } from './postgres-node.js';
import { describeWithRedis, openRedisBuses, type RedisBusPair } from './redis-node.js';

const PROBE = 999_999;
/** What the connections need to stay: their own channels. */
const OWN_CHANNELS = '&*{nodes} &*{nod_* &*{999999}';

describeWithRedis('the bus over Redis, when Redis refuses a subscription', () => {
  let redis: OwnRedis;
  let pair: RedisBusPair;

  beforeEach(async () => {
    silenceLogger();
    redis = await OwnRedis.create();
    pair = await openRedisBuses(redis.url);
  });
  afterEach(async () => {
    await pair.close();
    await redis.remove();
  });

  it('asks again until it is granted, on the connection that it has', async () => {
    await untilHeard(pair.here, pair.there, PROBE);
    let lapses = 0;
    pair.there.onLapse(() => lapses++);
    expect(await redis.command(`ACL SETUSER default resetchannels ${OWN_CHANNELS}`)).toBe('+OK');
    const { heard } = await hearing(pair.there, 1);
    const left = await hearing(pair.there, 2);
    left.end();
    expect(await redis.command('ACL SETUSER default allchannels')).toBe('+OK');
    await eventually(
      () => {
        pair.here.publish(aHint(1));
        expect(heard.length).toBeGreaterThan(0);
      },
      { timeoutMs: 5_000, everyMs: 100 },
    );
    expect(lapses).toBe(0);
    expect(await redis.command('PUBSUB SHARDNUMSUB')).toBe('*0');
    pair.here.publish(aHint(2));
    await untilHeard(pair.here, pair.there, PROBE);
    expect(left.heard).toEqual([]);
  });
});
