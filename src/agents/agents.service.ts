import { Injectable } from '@nestjs/common';
import { Bus } from '../bus/bus.js';
import { Inbox } from '../log/inbox.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { type AgentConnection, holderOf } from './agent-connection.js';
import type { AckDto, AgentTypingDto } from './agents.dto.js';

/** What agents do for a session without writing into it. */
@Injectable()
export class AgentsService {
  constructor(
    private readonly sessions: SessionsService,
    private readonly inbox: Inbox,
    private readonly bus: Bus,
  ) {}

  /**
   * The user's messages up to a position are handled, without a reply.
   *
   * @throws ParleyError `resource_not_found`; `resource_conflict` when the session is another agent's to answer
   */
  async ack(agent: AgentConnection, { agent_session_id: id, up_to_seq: upTo }: AckDto): Promise<void> {
    const { owner } = await this.sessions.locate(agent.principal, id);
    await this.inbox.ack(owner, id, upTo, holderOf(agent));
    agent.horizon.handle(id, upTo);
  }

  /** Shown to the user. @throws ParleyError `resource_not_found` */
  async typing(agent: AgentConnection, { agent_session_id, typing }: AgentTypingDto): Promise<void> {
    const { owner } = await this.sessions.locate(agent.principal, agent_session_id);
    const data = { agent_session_id, sender: 'assistant', typing } as const;
    this.bus.publish({ kind: 'typing', userId: owner.userId, data });
  }
}
