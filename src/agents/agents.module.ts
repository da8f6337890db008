import { Module } from '@nestjs/common';
import { AddressBudget } from '../http/address-budget.js';
import { PresenceModule } from '../presence/presence.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { StreamingModule } from '../streaming/streaming.module.js';
import { WsModule } from '../ws/ws.module.js';
import { AgentConnections } from './agent-connections.js';
import { AgentClaims } from './agent-claims.js';
import { AgentStreams } from './agent-streams.js';
import { AgentWrites } from './agent-writes.js';
import { AgentsService } from './agents.service.js';
import { ClaimRenewals } from './claim-renewals.js';
import { OfficeHosts } from './office-hosts.js';
import { Offices } from './offices.js';
import { AgentHandshake } from './ws/agent-handshake.js';
import { AgentSockets } from './ws/agent-sockets.js';
import { AgentsGateway } from './ws/agents.gateway.js';
import { JoinedGuard } from './ws/joined.guard.js';
import { StreamTollGuard } from './ws/stream-toll.guard.js';

/** Agents: what waits for them, who answers what, and their connections. */
@Module({
  imports: [PresenceModule, SessionsModule, StreamingModule, WsModule],
  providers: [
    ...[
      AgentConnections,
      OfficeHosts,
      Offices,
      AgentClaims,
      AgentWrites,
      ClaimRenewals,
      AgentStreams,
      AgentsService,
    ],
    ...[AddressBudget, AgentHandshake, AgentSockets, JoinedGuard, StreamTollGuard, AgentsGateway],
  ],
})
export class AgentsModule {}
