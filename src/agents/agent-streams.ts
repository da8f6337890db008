import { Injectable } from '@nestjs/common';
import type { Message } from '../kernel/wire.dto.js';
import { PlatformUsers } from '../log/platform-users.js';
import { SessionsService } from '../sessions/sessions.service.js';
import type { StreamPieceDto } from '../streaming/stream.dto.js';
import type { StreamPlace, StreamSource } from '../streaming/stream-source.js';
import { Streams } from '../streaming/streams.js';
import { type AgentConnection, holderOf } from './agent-connection.js';
import type { AgentFinishDto, AgentStreamStartDto, OffsetView, StreamStartView } from './agents.dto.js';
import { ClaimRenewals } from './claim-renewals.js';
import { answersTo } from './naming.js';
import { Offices } from './offices.js';

/** Answers of agents that arrive in pieces. The session is the agent's own from the start to a lease after the end. */
@Injectable()
export class AgentStreams {
  private readonly sources = new WeakMap<AgentConnection, StreamSource>();

  constructor(
    private readonly streams: Streams,
    private readonly users: PlatformUsers,
    private readonly sessions: SessionsService,
    private readonly renewals: ClaimRenewals,
    private readonly offices: Offices,
  ) {}

  /**
   * Begins an answer. What it answers to is handled when it is finished, so that somebody else answers should the agent die.
   *
   * @throws ParleyError as {@link Streams.start}
   */
  async start(agent: AgentConnection, body: AgentStreamStartDto): Promise<StreamStartView> {
    const { platform_user_id: platformUserId, client_message_id: clientMessageId, payload, metadata } = body;
    const owner = await this.users.ensure(agent.principal.accountId, platformUserId);
    const agentSessionId = body.agent_session_id ?? (await this.sessions.current(owner));
    const told = answersTo(agent, agentSessionId, body);
    const start = { platformUserId, agentSessionId, clientMessageId, payload, metadata, told };
    const starting = this.streams.start(this.sourceOf(agent), start);
    const { message, offset, replayed } = await this.offices.watchRefusal(
      agent,
      agentSessionId,
      starting,
      told,
    );
    const { id, agent_session_id } = message;
    agent.horizon.begin(id, agent_session_id, told);
    if (!replayed) await this.renewals.begin(agent, { messageId: id, owner, agentSessionId });
    return { message_id: id, agent_session_id, offset };
  }

  /** Adds a piece, and keeps the claim. @throws ParleyError as {@link Streams.append} */
  append(agent: AgentConnection, piece: StreamPieceDto): Promise<OffsetView> {
    return this.streams.append(this.sourceOf(agent), piece);
  }

  /** Ends an answer; a repeat gets the message as it is. @throws ParleyError as {@link Streams.finish} */
  async finish(agent: AgentConnection, { message_id: id, ...end }: AgentFinishDto): Promise<Message> {
    const message = await this.streams.finish(this.sourceOf(agent), id, end);
    agent.horizon.end(id, message.status !== 'incomplete');
    await this.renewals.end(agent, id);
    return message;
  }

  private sourceOf(agent: AgentConnection): StreamSource {
    const known = this.sources.get(agent);
    if (known) return known;
    const { accountId, keyId } = agent.principal;
    const onStop = (message_id: string): void => agent.send('message:stop', { message_id });
    const onPiece = (place: StreamPlace): void => {
      const { messageId } = place;
      this.renewals.touch(
        agent,
        place,
        () => void this.streams.abandon(source, messageId).catch(() => undefined),
      );
    };
    const isOpen = (): boolean => agent.isOpen();
    const source = { id: agent.id, accountId, keyId, holder: holderOf(agent), isOpen, onStop, onPiece };
    this.sources.set(agent, source);
    return source;
  }
}
