import { Module } from '@nestjs/common';
import { Audience } from './audience.js';
import { Followers } from './followers.js';
import { LiveCommands } from './ws/live-commands.js';
import { Admission } from './ws/admission.js';
import { Connections } from './ws/connections.js';
import { CredentialCutter } from './ws/credential-cutter.js';
import { Handshake } from './ws/handshake.js';
import { UsersGateway } from './ws/users.gateway.js';

/** The way out: followers, and the only code that emits. */
@Module({
  providers: [
    Audience,
    Followers,
    LiveCommands,
    Handshake,
    CredentialCutter,
    Connections,
    Admission,
    UsersGateway,
  ],
})
export class PushModule {}
