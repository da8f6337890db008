import { type DynamicModule, Global, Module, type Provider } from '@nestjs/common';
import type { Config } from '../config/config.js';
import { parseRedisUrl } from '../config/redis-address.js';
import { Settings } from '../database/settings.js';
import { NodeRegistry } from '../nodes/node-registry.js';
import { Bus } from './bus.js';
import { LocalBus } from './local-bus.js';
import { PostgresBus } from './postgres-bus.js';

/** The bus that fits: Redis if there is one; else nodes may share a `DATABASE_URL`; an embedded database has one node. */
@Global()
@Module({})
export class BusModule {
  static with({ REDIS_URL, DATABASE_URL }: Config): DynamicModule {
    const provider = REDIS_URL
      ? overRedis(REDIS_URL)
      : { provide: Bus, useClass: DATABASE_URL ? PostgresBus : LocalBus };
    return { module: BusModule, providers: [provider], exports: [Bus] };
  }
}

/** Loads the Redis client, some 20 MB, only where there is a Redis. */
function overRedis(url: string): Provider {
  return {
    provide: Bus,
    inject: [NodeRegistry, Settings],
    useFactory: async (nodes: NodeRegistry, settings: Settings) => {
      const { RedisBus } = await import('./redis-bus.js');
      return new RedisBus(parseRedisUrl(url), await settings.installation(), nodes);
    },
  };
}
