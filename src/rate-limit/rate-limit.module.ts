import { Global, Module } from '@nestjs/common';
import { ThrottlerModule, type ThrottlerStorage } from '@nestjs/throttler';
import { CONFIG, type Config } from '../config/config.js';
import { parseRedisUrl } from '../config/redis-address.js';
import { Database } from '../database/database.js';
import { Settings } from '../database/settings.js';
import { CLOCK, type Clock } from '../kernel/clock.js';
import { WINDOW } from './budget.js';
import { HttpRateLimit } from './http/http-rate-limit.js';
import { MemoryStorage } from './memory-storage.js';
import { RateWindows } from './persistence/rate-windows.js';
import { PostgresStorage } from './postgres-storage.js';
import { RateLimit } from './rate-limit.js';

@Global()
@Module({
  imports: [
    ThrottlerModule.forRootAsync({
      inject: [CLOCK, CONFIG, Database, Settings],
      // The limit is the principal's, so it is found where the principal is known: `budgetOf`.
      useFactory: async (clock: Clock, config: Config, database: Database, settings: Settings) => ({
        throttlers: [{ ttl: WINDOW, limit: Number.MAX_SAFE_INTEGER }],
        storage: config.REDIS_URL
          ? await overRedis(config.REDIS_URL, clock, settings)
          : storageOf(config, clock, database),
      }),
    }),
  ],
  providers: [RateLimit, HttpRateLimit],
  exports: [ThrottlerModule, RateLimit, HttpRateLimit],
})
export class RateLimitModule {}

/** Nodes that share a `DATABASE_URL` share the counts; an embedded database has one node. */
function storageOf({ DATABASE_URL }: Config, clock: Clock, database: Database): ThrottlerStorage {
  return DATABASE_URL ? new PostgresStorage(new RateWindows(database), clock) : new MemoryStorage(clock);
}

/** Loads the Redis client only where there is a Redis. */
async function overRedis(url: string, clock: Clock, settings: Settings): Promise<ThrottlerStorage> {
  const { RedisStorage } = await import('./redis-storage.js');
  return new RedisStorage(parseRedisUrl(url), await settings.installation(), new MemoryStorage(clock));
}
