import { Injectable, Logger } from '@nestjs/common';
import { forgetRequest } from '../../ws/transport.js';
import { UnknownCommands } from '../../ws/unknown-commands.js';
import type { AgentConnection } from '../agent-connection.js';
import { AgentConnections } from '../agent-connections.js';
import { AgentClaims } from '../agent-claims.js';
import { Offices } from '../offices.js';
import { AgentHandshake } from './agent-handshake.js';
import { type AgentNamespace, type AgentSocket, AgentSocketConnection } from './agent-socket.js';

/** The commands that an agent may send (contract section 4). */
const COMMANDS = new Set<unknown>([
  ...['session:claim', 'session:release', 'message:send', 'inbox:ack', 'typing'],
  ...['message:start', 'message:append', 'message:finish'],
]);

/**
 * How long an agent that could not be told what waits stays, in milliseconds: what it sends right away is still answered,
 * and it does not come again at once.
 */
const LEAVE_AFTER = 500;

/** The life of an agent's socket: handshake, what waits for it, end. */
@Injectable()
export class AgentSockets {
  private readonly logger = new Logger(AgentSockets.name);

  constructor(
    private readonly handshake: AgentHandshake,
    private readonly connections: AgentConnections,
    private readonly offices: Offices,
    private readonly claims: AgentClaims,
    private readonly unknownCommands: UnknownCommands,
  ) {}

  serve(namespace: AgentNamespace): void {
    namespace.use(this.handshake.middleware);
  }

  open(socket: AgentSocket): void {
    forgetRequest(socket);
    this.unknownCommands.listen(socket, COMMANDS);
    const connection = new AgentSocketConnection(socket);
    socket.data.connection = connection;
    this.connections.add(connection);
    socket.once('disconnect', () => {
      this.connections.delete(connection);
      this.claims
        .leave(connection)
        .catch((error: unknown) => this.logger.warn(`Claims end with their lease: ${String(error)}`));
    });
    socket.data.joined = this.join(connection);
  }

  /** @returns whether it was told what waits; otherwise it has to come again */
  private async join(connection: AgentConnection): Promise<boolean> {
    try {
      await this.offices.join(connection);
      return true;
    } catch (error) {
      this.logger.warn(`An agent could not be told what waits: ${String(error)}`);
      setTimeout(() => connection.leave(), LEAVE_AFTER).unref();
      return false;
    }
  }
}
