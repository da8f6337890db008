import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { ParleyError } from '../../kernel/errors.js';
import type { AgentSocket } from './agent-socket.js';

/**
 * Holds a connection's commands until it was told what waits. A client sends what it has kept while it was away at once: an
 * answer among that must find what it answers to.
 */
@Injectable()
export class JoinedGuard implements CanActivate {
  /** @throws ParleyError `service_unavailable` when what waits cannot be read: the connection ends, too */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { joined } = context.switchToWs().getClient<AgentSocket>().data;
    if (await joined) return true;
    throw new ParleyError('service_unavailable', 'What waits cannot be read. Try again.', {}, 1);
  }
}
