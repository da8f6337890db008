import { IsBoolean, IsJWT, IsOptional } from 'class-validator';
import type { Delta, Typing } from '../kernel/events.js';
import { IsAgentSessionId } from '../wire/fields.js';

/** Sent once a connection is in its room, and after the replay that `auth.after` asked for. */
export class Ready {
  /** @example "user123" */
  platform_user_id: string;
  /** Identifies the log: positions of another epoch mean nothing here. @example "3f9ac01b77d2.1x7k3" */
  epoch: string;
  /** Everything up to this position has been sent or is in the history. @example 42 */
  seq: number;
  /** @example 40 */
  read_seq: number;
  /** @example 1 */
  unread_count: number;
  connection_id: string;
  /** When the credential ends; null: not by itself. */
  expires_at: string | null;
  /** The position in `auth.after` is none of this log: reload the history. */
  reset: boolean;
}

/** The credential of this connection ends soon: send `token:refresh`. */
export class TokenExpiring {
  expires_at: string;
}

/** This node is going away: connect again after a while. */
export class Drain {
  /** @example 1500 */
  reconnect_in_ms: number;
}

/** Somebody is typing: shown, never stored. */
export class TypingDto {
  /** Whether they began or stopped. */
  @IsBoolean()
  typing: boolean;

  /** @example "session123" */
  @IsOptional()
  @IsAgentSessionId()
  agent_session_id?: string;
}

/** Somebody is typing. */
export class TypingView implements Typing {
  agent_session_id: string | null;
  sender: 'user' | 'assistant';
  typing: boolean;
}

/** A piece of an answer that is arriving. */
export class DeltaView implements Delta {
  /** @example "msg_4k2m9x1c7hq000000016" */
  message_id: string;
  /** @example "session123" */
  agent_session_id: string;
  /** Where it begins in the text, in UTF-16 code units (the length of a JavaScript string). @example 11 */
  offset: number;
  /** @example "will arrive" */
  delta: string;
}

/** A new credential for the same platform user. */
export class RefreshDto {
  /** @example "eyJhbGciOiJIUzI1NiJ9…" */
  @IsJWT()
  token: string;
}

export class RefreshedView {
  expires_at: string;
}
