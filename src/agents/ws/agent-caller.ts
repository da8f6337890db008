import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { AgentConnection } from '../agent-connection.js';
import type { AgentSocket } from './agent-socket.js';

/** The connection of the agent that sent a command. */
export const AgentCaller = createParamDecorator((_: unknown, context: ExecutionContext): AgentConnection => {
  const { connection } = context.switchToWs().getClient<AgentSocket>().data;
  if (!connection) throw new Error('a command came before its connection was open');
  return connection;
});
