import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD } from '@nestjs/core';
import { AgentsModule } from './agents/agents.module.js';
import { AuthModule } from './auth/auth.module.js';
import { PrincipalGuard, ScopeGuard } from './auth/http/principal.guard.js';
import { BusModule } from './bus/bus.module.js';
import type { Config } from './config/config.js';
import { ConfigModule } from './config/config.module.js';
import type { DatabaseAddress } from './database/data-source.js';
import { DatabaseModule } from './database/database.module.js';
import { FollowModule } from './follow/follow.module.js';
import { HealthModule } from './health/health.module.js';
import { ErrorFilter } from './http/error.filter.js';
import { LogModule } from './log/log.module.js';
import { MessagesModule } from './messages/messages.module.js';
import { MetricsModule } from './metrics/metrics.module.js';
import { NodesModule } from './nodes/nodes.module.js';
import { PushModule } from './push/push.module.js';
import { RateLimitGuard } from './rate-limit/http/rate-limit.guard.js';
import { RateLimitModule } from './rate-limit/rate-limit.module.js';
import { SessionsModule } from './sessions/sessions.module.js';
import { StreamingModule } from './streaming/streaming.module.js';
import { WebhooksModule } from './webhooks/webhooks.module.js';

/** The composition root. */
@Module({})
export class AppModule {
  static with(config: Config, database: DatabaseAddress): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.with(config),
        DatabaseModule.with(database, config.DATABASE_POOL_SIZE),
        AuthModule,
        RateLimitModule,
        NodesModule,
        BusModule.with(config),
        LogModule,
        FollowModule,
        SessionsModule,
        MessagesModule,
        PushModule,
        AgentsModule,
        StreamingModule,
        WebhooksModule,
        HealthModule,
        MetricsModule,
      ],
      providers: [
        { provide: APP_FILTER, useClass: ErrorFilter },
        { provide: APP_GUARD, useClass: PrincipalGuard }, // in this order: who, how often, whether
        { provide: APP_GUARD, useClass: RateLimitGuard },
        { provide: APP_GUARD, useClass: ScopeGuard },
      ],
    };
  }
}
