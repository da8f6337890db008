import { Injectable } from '@nestjs/common';
import { Authenticator } from '../../auth/authenticator.js';
import { requireScope } from '../../auth/principal.js';
import { AddressBudget } from '../../http/address-budget.js';
import { ParleyError } from '../../kernel/errors.js';
import { parseRequest } from '../../wire/request.pipe.js';
import { ConnectRate } from '../../ws/connect-rate.js';
import { refuse } from '../../ws/refuse.js';
import { AgentConnections } from '../agent-connections.js';
import { AgentHandshakeDto } from '../agents.dto.js';
import type { AgentSocket } from './agent-socket.js';

/** Which agent is connecting: decided before the connection exists. */
@Injectable()
export class AgentHandshake {
  constructor(
    private readonly authenticator: Authenticator,
    private readonly connectRate: ConnectRate,
    private readonly connections: AgentConnections,
    private readonly addressBudget: AddressBudget,
  ) {}

  /** Socket.IO middleware. A refused handshake gives `connect_error` with `err.data = {code, message, details}`. */
  readonly middleware = (socket: AgentSocket, next: (error?: Error) => void): void => {
    this.admit(socket).then(
      () => next(),
      (error: unknown) => refuse(socket, error, next),
    );
  };

  private async admit(socket: AgentSocket): Promise<void> {
    try {
      this.connectRate.take();
      const auth = parseRequest(AgentHandshakeDto, socket.handshake.auth, { strict: false });
      if (typeof auth.api_key !== 'string')
        throw new ParleyError('missing_api_key', 'No credential: connect with auth.api_key.');
      const principal = await this.authenticator.key(auth.api_key);
      requireScope(principal, 'agent');
      this.connections.reserve(principal.accountId);
      socket.data = { principal, agentId: auth.agent_id ?? null };
    } catch (error) {
      if (error instanceof ParleyError && error.status === 401)
        await this.addressBudget.charge(socket.request);
      throw error;
    }
  }
}
