import { UseGuards } from '@nestjs/common';
import {
  MessageBody,
  type OnGatewayConnection,
  type OnGatewayInit,
  SubscribeMessage,
  WebSocketGateway,
} from '@nestjs/websockets';
import type { Message } from '../../kernel/wire.dto.js';
import { CommandGateway } from '../../ws/command.decorator.js';
import type { AgentConnection } from '../agent-connection.js';
import { StreamPieceDto } from '../../streaming/stream.dto.js';
import { Uncharged } from '../../ws/uncharged.decorator.js';
import {
  AckDto,
  AgentFinishDto,
  AgentSendDto,
  AgentSessionDto,
  AgentStreamStartDto,
  AgentTypingDto,
  type ClaimView,
  type OffsetView,
  type StreamStartView,
} from '../agents.dto.js';
import { AgentClaims } from '../agent-claims.js';
import { AgentStreams } from '../agent-streams.js';
import { AgentWrites } from '../agent-writes.js';
import { AgentsService } from '../agents.service.js';
import type { AgentNamespace, AgentSocket } from './agent-socket.js';
import { AgentSockets } from './agent-sockets.js';
import { AgentCaller } from './agent-caller.js';
import { JoinedGuard } from './joined.guard.js';
import { StreamTollGuard } from './stream-toll.guard.js';

/** Namespace `/agents`: connections of agents (contract section 4). */
@WebSocketGateway({ namespace: '/agents' })
@CommandGateway()
@UseGuards(JoinedGuard)
export class AgentsGateway implements OnGatewayInit<AgentNamespace>, OnGatewayConnection<AgentSocket> {
  constructor(
    private readonly sockets: AgentSockets,
    private readonly claims: AgentClaims,
    private readonly writes: AgentWrites,
    private readonly streams: AgentStreams,
    private readonly agents: AgentsService,
  ) {}

  afterInit(namespace: AgentNamespace): void {
    this.sockets.serve(namespace);
  }

  handleConnection(socket: AgentSocket): void {
    this.sockets.open(socket);
  }

  @SubscribeMessage('session:claim')
  claim(@AgentCaller() agent: AgentConnection, @MessageBody() body: AgentSessionDto): Promise<ClaimView> {
    return this.claims.claim(agent, body.agent_session_id);
  }

  @SubscribeMessage('session:release')
  release(@AgentCaller() agent: AgentConnection, @MessageBody() body: AgentSessionDto): Promise<void> {
    return this.claims.release(agent, body.agent_session_id);
  }

  @SubscribeMessage('message:send')
  send(@AgentCaller() agent: AgentConnection, @MessageBody() body: AgentSendDto): Promise<Message> {
    return this.writes.send(agent, body);
  }

  @SubscribeMessage('message:start')
  start(
    @AgentCaller() agent: AgentConnection,
    @MessageBody() body: AgentStreamStartDto,
  ): Promise<StreamStartView> {
    return this.streams.start(agent, body);
  }

  @SubscribeMessage('message:append')
  @Uncharged(true)
  @UseGuards(StreamTollGuard)
  append(@AgentCaller() agent: AgentConnection, @MessageBody() body: StreamPieceDto): Promise<OffsetView> {
    return this.streams.append(agent, body);
  }

  @SubscribeMessage('message:finish')
  @Uncharged(true)
  @UseGuards(StreamTollGuard)
  finish(@AgentCaller() agent: AgentConnection, @MessageBody() body: AgentFinishDto): Promise<Message> {
    return this.streams.finish(agent, body);
  }

  @SubscribeMessage('inbox:ack')
  ack(@AgentCaller() agent: AgentConnection, @MessageBody() body: AckDto): Promise<void> {
    return this.agents.ack(agent, body);
  }

  @SubscribeMessage('typing')
  typing(@AgentCaller() agent: AgentConnection, @MessageBody() body: AgentTypingDto): Promise<void> {
    return this.agents.typing(agent, body);
  }
}
