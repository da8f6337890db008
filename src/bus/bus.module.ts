import { type DynamicModule, Global, Module } from '@nestjs/common';
import type { Config } from '../config/config.js';
import { Bus } from './bus.js';
import { LocalBus } from './local-bus.js';
import { PostgresBus } from './postgres-bus.js';

/** The cheapest bus that fits: nodes may share a `DATABASE_URL`; an embedded database has one node. */
@Global()
@Module({})
export class BusModule {
  static with({ DATABASE_URL }: Config): DynamicModule {
    const useClass = DATABASE_URL ? PostgresBus : LocalBus;
    return { module: BusModule, providers: [{ provide: Bus, useClass }], exports: [Bus] };
  }
}
