import { IsBoolean, IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';
import type { Typing } from '../kernel/events.js';
import type { Message, Session } from '../kernel/wire.dto.js';
import { StreamFinishDto, StreamStartDto } from '../streaming/stream.dto.js';
import { IsAgentId, IsAgentSessionId, IsMessageId } from '../wire/fields.js';
import { SendDto } from '../wire/message.dto.js';

const MAX_CREDENTIAL_LENGTH = 4096;

/** `auth` of a handshake in the namespace `/agents`. */
export class AgentHandshakeDto {
  /** An API key with the scope `agent`. */
  @IsOptional()
  @IsString()
  @MaxLength(MAX_CREDENTIAL_LENGTH)
  api_key?: string;

  /** Who this agent is: sessions that are routed to it are its to answer, besides those that are routed to nobody. @example "support-bot" */
  @IsOptional()
  @IsAgentId()
  agent_id?: string;
}

/** Names a session. */
export class AgentSessionDto {
  /** @example "session123" */
  @IsAgentSessionId()
  agent_session_id: string;
}

/** A session that is this agent's to answer. */
export class ClaimView {
  /** @example "session123" */
  agent_session_id: string;
  /** When the claim ends unless the agent does something for the session. @example "2026-11-23T10:00:30.000Z" */
  expires_at: string;
}

/** A message from an assistant, over a socket of an agent. */
export class AgentSendDto extends SendDto {
  /**
   * The last position that the agent had seen when it wrote this: what came later waits on. Such an answer is written once.
   * Without it, everything that this connection was told of the session is handled, also what was still on its way. @example 42
   */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(Number.MAX_SAFE_INTEGER)
  up_to_seq?: number;

  /**
   * The first position that it answers to, with `up_to_seq`: refused when somebody else has handled any of that meanwhile.
   * Without it, what this connection was told counts. @example 41
   */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(Number.MAX_SAFE_INTEGER)
  since_seq?: number;
}

/** What an answer in pieces begins with, over a socket of an agent. */
export class AgentStreamStartDto extends StreamStartDto {
  /** As of `message:send`; it counts when the answer is finished. @example 42 */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(Number.MAX_SAFE_INTEGER)
  up_to_seq?: number;

  /** As of `message:send`. @example 41 */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(Number.MAX_SAFE_INTEGER)
  since_seq?: number;
}

/** An answer that has begun. */
export class StreamStartView {
  /** @example "msg_4k2m9x1c7hq000000016" */
  message_id: string;
  /** @example "session123" */
  agent_session_id: string;
  /** How much of its text is known, in UTF-16 code units: more than 0 only when a start was repeated. @example 0 */
  offset: number;
}

/** How much of an answer's text is known. */
export class OffsetView {
  /** Where the next piece begins, in UTF-16 code units. @example 11 */
  offset: number;
}

/** Ends an answer that arrived in pieces. */
export class AgentFinishDto extends StreamFinishDto {
  /** @example "msg_4k2m9x1c7hq000000016" */
  @IsMessageId()
  message_id: string;
}

/** The user's messages of a session are handled without a reply. */
export class AckDto extends AgentSessionDto {
  /** Up to this position. @example 42 */
  @IsInt()
  @Min(1)
  @Max(Number.MAX_SAFE_INTEGER)
  up_to_seq: number;
}

/** The agent is typing. */
export class AgentTypingDto extends AgentSessionDto {
  /** Whether it began or stopped. */
  @IsBoolean()
  typing: boolean;
}

/** Sent once an agent is connected; the sessions that wait for it follow. */
export class AgentReady {
  /** As the handshake named it. @example "support-bot" */
  agent_id: string | null;
  /** How many sessions wait for it: one `inbox` of each follows. @example 3 */
  pending: number;
}

/** A session with messages of its user that nobody has handled. */
export class InboxView {
  session: Session;
  /** Oldest first, at most 100; more follow as these are handled. */
  messages: Message[];
}

/** The user pressed stop: the answer is cancelled, and takes no more pieces. */
export class MessageStop {
  /** @example "msg_4k2m9x1c7hq000000016" */
  message_id: string;
}

/** A platform user is typing. */
export class AgentTyping implements Typing {
  /** @example "user123" */
  platform_user_id: string;
  /** @example "session123" */
  agent_session_id: string | null;
  sender: 'user' | 'assistant';
  typing: boolean;
}

/** A platform user whose session the agent was told of, or has claimed, has come or gone. */
export class AgentPresence {
  /** @example "user123" */
  platform_user_id: string;
  /** @example true */
  online: boolean;
}

/** This node is going away: connect again after a while. */
export class AgentDrain {
  /** @example 1500 */
  reconnect_in_ms: number;
}
