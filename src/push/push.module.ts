import { Module } from '@nestjs/common';
import { AddressBudget } from '../http/address-budget.js';
import { PresenceModule } from '../presence/presence.module.js';
import { WsModule } from '../ws/ws.module.js';
import { Admission } from './admission.js';
import { Audience } from './audience.js';
import { Epochs } from './epochs.js';
import { StreamController } from './http/stream.controller.js';
import { Streams } from './http/streams.js';
import { SyncController } from './http/sync.controller.js';
import { LiveConnections } from './live-connections.js';
import { SyncService } from './sync.service.js';
import { Connections } from './ws/connections.js';
import { Handshake } from './ws/handshake.js';
import { LiveCommands } from './ws/live-commands.js';
import { SyncGateway } from './ws/sync.gateway.js';
import { UsersGateway } from './ws/users.gateway.js';

/** The way out: the only code that emits. */
@Module({
  imports: [PresenceModule, WsModule],
  controllers: [SyncController, StreamController],
  providers: [
    ...[Epochs, Audience, Admission, LiveConnections, SyncService],
    ...[AddressBudget, Handshake, Connections, LiveCommands, UsersGateway, SyncGateway],
    Streams,
  ],
})
export class PushModule {}
