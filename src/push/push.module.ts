import { Module } from '@nestjs/common';
import { Audience } from './audience.js';
import { Epochs } from './epochs.js';
import { Followers } from './followers.js';
import { LiveCommands } from './ws/live-commands.js';
import { SyncController } from './http/sync.controller.js';
import { SyncService } from './sync.service.js';
import { Admission } from './ws/admission.js';
import { Connections } from './ws/connections.js';
import { CredentialCutter } from './ws/credential-cutter.js';
import { Handshake } from './ws/handshake.js';
import { SyncGateway } from './ws/sync.gateway.js';
import { UsersGateway } from './ws/users.gateway.js';

/** The way out: followers, and the only code that emits. */
@Module({
  controllers: [SyncController],
  providers: [
    Audience,
    Epochs,
    SyncService,
    Followers,
    LiveCommands,
    Handshake,
    CredentialCutter,
    Connections,
    Admission,
    UsersGateway,
    SyncGateway,
  ],
})
export class PushModule {}
