import { Global, Module } from '@nestjs/common';
import { ThrottlerModule } from '@nestjs/throttler';
import { CLOCK, type Clock } from '../kernel/clock.js';
import { WINDOW } from './budget.js';
import { HttpRateLimit } from './http/http-rate-limit.js';
import { MemoryStorage } from './memory-storage.js';
import { RateLimit } from './rate-limit.js';

@Global()
@Module({
  imports: [
    ThrottlerModule.forRootAsync({
      inject: [CLOCK],
      // The limit is the principal's, so it is found where the principal is known: `budgetOf`.
      useFactory: (clock: Clock) => ({
        throttlers: [{ ttl: WINDOW, limit: Number.MAX_SAFE_INTEGER }],
        storage: new MemoryStorage(clock),
      }),
    }),
  ],
  providers: [RateLimit, HttpRateLimit],
  exports: [ThrottlerModule, RateLimit, HttpRateLimit],
})
export class RateLimitModule {}
