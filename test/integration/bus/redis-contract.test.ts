import { hasRedis, OwnRedis } from '../../cluster/redis.js';
import { describeBus } from './bus-contract.js';
import { silenceLogger } from './postgres-node.js';
import { openRedisBuses } from './redis-node.js';

beforeAll(() => void silenceLogger());

if (hasRedis())
  describeBus('the bus over Redis', async () => {
    const redis = await OwnRedis.create();
    const pair = await openRedisBuses(redis.url);
    return {
      here: pair.here,
      there: pair.there,
      breakThere: async () => void (await redis.command('CLIENT KILL TYPE pubsub')),
      close: async () => {
        await pair.close();
        await redis.remove();
      },
    };
  });
else it.skip('the bus over Redis: this machine has no redis-server', () => undefined);
