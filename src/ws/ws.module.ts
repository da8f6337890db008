import { Module } from '@nestjs/common';
import { ConnectRate } from './connect-rate.js';
import { UnknownCommands } from './unknown-commands.js';

/** What the handshakes and commands of every namespace share; the rate of handshakes is the node's. */
@Module({
  providers: [ConnectRate, UnknownCommands],
  exports: [ConnectRate, UnknownCommands],
})
export class WsModule {}
