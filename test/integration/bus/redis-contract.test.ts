import { OwnRedis } from '../../cluster/redis.js';
import { describeBus } from './bus-contract.js';
import { silenceLogger } from './postgres-node.js';
import { describeWithRedis, openRedisBuses } from './redis-node.js';

describeWithRedis('over Redis', () => {
  beforeEach(() => void silenceLogger());

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
});
