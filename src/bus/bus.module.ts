import { Global, Module } from '@nestjs/common';
import { Bus } from './bus.js';
import { LocalBus } from './local-bus.js';

@Global()
@Module({ providers: [{ provide: Bus, useClass: LocalBus }], exports: [Bus] })
export class BusModule {}
