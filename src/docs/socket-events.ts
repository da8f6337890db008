import type { Type } from '@nestjs/common';
import { SyncDto, SyncView } from '../push/sync.dto.js';
import { Message, ReadState, Session } from '../kernel/wire.dto.js';
import { ReceiveDto } from '../messages/message.dto.js';
import { ReadDto } from '../messages/read.dto.js';
import type { ServerEvents } from '../push/events.js';
import { HandshakeDto } from '../push/handshake.dto.js';
import {
  DeltaView,
  Drain,
  Ready,
  RefreshDto,
  RefreshedView,
  TokenExpiring,
  TypingDto,
  TypingView,
} from '../push/push.dto.js';
import { StopDto, StopView } from '../streaming/stream.dto.js';

export interface EventDocumentation {
  readonly data: Type<unknown>;
  readonly summary: string;
  /** What the acknowledgement of a command carries in `data`. */
  readonly answer?: Type<unknown>;
}

/** What the server sends on namespace `/`; the compiler demands every event. */
export const SERVER_EVENTS: Record<keyof ServerEvents, EventDocumentation> = {
  ready: { data: Ready, summary: 'After connect, and after the replay that `auth.after` asked for.' },
  message: { data: Message, summary: "A new message in the user's log, from any source." },
  'message:updated': {
    data: Message,
    summary: 'A message was edited, deleted or read singly, or an answer that arrived in pieces is finished.',
  },
  'message:delta': {
    data: DeltaView,
    summary: 'A piece of an answer that is arriving. After `ready`, one with all there is so far of each.',
  },
  read: {
    data: ReadState,
    summary: 'Something was read, on any device, or an unread message was deleted.',
  },
  typing: { data: TypingView, summary: 'Somebody is typing. Ephemeral.' },
  session: { data: Session, summary: 'A session was opened, closed, renamed or routed.' },
  'token:expiring': { data: TokenExpiring, summary: 'The credential ends soon: send `token:refresh`.' },
  drain: { data: Drain, summary: 'This node is going away: connect again after a while.' },
};

/** What a client may send on namespace `/`, each with an acknowledgement. */
export const CLIENT_COMMANDS: Record<string, EventDocumentation> = {
  'message:receive': { data: ReceiveDto, answer: Message, summary: 'The platform user says something.' },
  'messages:read': { data: ReadDto, answer: ReadState, summary: 'Marks messages read.' },
  'message:stop': {
    data: StopDto,
    answer: StopView,
    summary: 'The platform user wants no more of an answer that is arriving: it ends as `cancelled`.',
  },
  sync: { data: SyncDto, answer: SyncView, summary: 'The log after a position.' },
  typing: { data: TypingDto, summary: "Tells the user's other connections." },
  'token:refresh': { data: RefreshDto, answer: RefreshedView, summary: 'Gives the connection a new token.' },
};

/** Every class that a socket event of a platform user names. */
export const USER_MODELS: Type<unknown>[] = [
  HandshakeDto,
  ...modelsOf([...Object.values(SERVER_EVENTS), ...Object.values(CLIENT_COMMANDS)]),
];

/** The classes that events name, each once. */
export function modelsOf(events: readonly EventDocumentation[]): Type<unknown>[] {
  return [...new Set(events.flatMap(({ data, answer }) => (answer ? [data, answer] : [data])))];
}
