import { Global, Module } from '@nestjs/common';
import { ThrottlerModule, type ThrottlerStorage } from '@nestjs/throttler';
import { CONFIG, type Config } from '../config/config.js';
import { Database } from '../database/database.js';
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
      inject: [CLOCK, CONFIG, Database],
      // The limit is the principal's, so it is found where the principal is known: `budgetOf`.
      useFactory: (clock: Clock, config: Config, database: Database) => ({
        throttlers: [{ ttl: WINDOW, limit: Number.MAX_SAFE_INTEGER }],
        storage: storageOf(config, clock, database),
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
