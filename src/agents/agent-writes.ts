import { Injectable } from '@nestjs/common';
import { invalidParameter } from '../kernel/errors.js';
import type { Message } from '../kernel/wire.dto.js';
import { PlatformUsers } from '../log/platform-users.js';
import { answeredBy, Replies } from '../log/replies.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { toPayload } from '../wire/payload.js';
import { AgentClaims } from './agent-claims.js';
import { type AgentConnection, holderOf } from './agent-connection.js';
import type { AgentSendDto } from './agents.dto.js';
import { answersTo } from './naming.js';
import { Offices } from './offices.js';

/** What agents say: fenced, so that nothing is answered twice. */
@Injectable()
export class AgentWrites {
  constructor(
    private readonly users: PlatformUsers,
    private readonly sessions: SessionsService,
    private readonly replies: Replies,
    private readonly offices: Offices,
    private readonly claims: AgentClaims,
  ) {}

  /**
   * Writes a message, and handles what the agent was told, or says it had seen. The session is its own from then on.
   *
   * @throws ParleyError as {@link Replies.reply}
   */
  async send(agent: AgentConnection, body: AgentSendDto): Promise<Message> {
    const { payload, metadata = {}, agent_session_id } = body.message;
    const sender = payload.sender ?? 'assistant';
    if (sender === 'user') throw invalidParameter('message.payload.sender', 'must be assistant or system');
    const owner = await this.users.ensure(agent.principal.accountId, body.platform_user_id);
    const agentSessionId = agent_session_id ?? (await this.sessions.current(owner));
    const told = answersTo(agent, agentSessionId, body);
    const message = { sender, payload: toPayload(payload, sender), metadata, agentSessionId };
    const reply = { ...message, clientMessageId: body.client_message_id };
    const writing = this.replies.reply(owner, reply, holderOf(agent), told);
    const { message: written } = await this.offices.watchRefusal(agent, agentSessionId, writing, told);
    await this.claims.keep(agent, owner, agentSessionId);
    const answered = answeredBy(reply, told);
    if (answered) agent.horizon.handle(agentSessionId, answered.upTo);
    return written;
  }
}
