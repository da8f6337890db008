import {
  AckDto,
  AgentDrain,
  AgentFinishDto,
  AgentHandshakeDto,
  AgentPresence,
  AgentReady,
  AgentSendDto,
  AgentSessionDto,
  AgentStreamStartDto,
  AgentTyping,
  AgentTypingDto,
  ClaimView,
  InboxView,
  MessageStop,
  OffsetView,
  StreamStartView,
} from '../agents/agents.dto.js';
import type { AgentEvents } from '../agents/events.js';
import { Message, Session } from '../kernel/wire.dto.js';
import { StreamPieceDto } from '../streaming/stream.dto.js';
import { type EventDocumentation, modelsOf, USER_MODELS } from './socket-events.js';

/** What the server sends on namespace `/agents`; the compiler demands every event. */
export const AGENT_EVENTS: Record<keyof AgentEvents, EventDocumentation> = {
  ready: { data: AgentReady, summary: 'After connect; an `inbox` of each session that waits follows.' },
  inbox: {
    data: InboxView,
    summary:
      'A session with messages of its user that nobody has handled: with each new one, after a reconnect, and when a claim has ended. Once claimed, told to its claimant alone.',
  },
  'message:stop': { data: MessageStop, summary: 'The user wants no more of an answer: it is cancelled.' },
  typing: {
    data: AgentTyping,
    summary: 'A user is typing in a session that waits or is claimed. Ephemeral.',
  },
  session: {
    data: Session,
    summary:
      'A session that waits, is claimed or is routed to this agent was changed, e.g. closed or routed.',
  },
  presence: {
    data: AgentPresence,
    summary:
      'A user with a session that waits or is claimed has come or gone; offline unless told. Up to `RECONCILE_INTERVAL_MS` late.',
  },
  drain: { data: AgentDrain, summary: 'This node is going away: connect again after a while.' },
};

/** What an agent may send on namespace `/agents`, each with an acknowledgement. */
export const AGENT_COMMANDS: Record<string, EventDocumentation> = {
  'session:claim': {
    data: AgentSessionDto,
    answer: ClaimView,
    summary: 'Claims a session, or renews the claim: nobody else is told of it or may answer it.',
  },
  'session:release': { data: AgentSessionDto, summary: 'Gives a claim back: the others are told again.' },
  'message:send': {
    data: AgentSendDto,
    answer: Message,
    summary: 'Says something. It handles what the agent was told, and claims the session.',
  },
  'message:start': {
    data: AgentStreamStartDto,
    answer: StreamStartView,
    summary: 'Begins an answer that arrives in pieces, and claims the session.',
  },
  'message:append': {
    data: StreamPieceDto,
    answer: OffsetView,
    summary: 'A piece of an answer. Safe to repeat; a gap is refused with `details.offset`. Not charged.',
  },
  'message:finish': {
    data: AgentFinishDto,
    answer: Message,
    summary: 'Ends an answer: now what it answers to is handled. Not charged.',
  },
  'inbox:ack': { data: AckDto, summary: 'Messages are handled without a reply.' },
  typing: { data: AgentTypingDto, summary: 'Shown to the user.' },
};

/** Every class that a socket event names: `openapi.json` has their schemas, so that both documents agree. */
export const SOCKET_MODELS = [
  ...new Set([
    ...USER_MODELS,
    AgentHandshakeDto,
    ...modelsOf([...Object.values(AGENT_EVENTS), ...Object.values(AGENT_COMMANDS)]),
  ]),
];
