import type { JsonText } from '../kernel/json-text.js';
import type { Message, Payload, Sender } from '../kernel/wire.dto.js';

/** A platform user: as the account names it, and the internal id of its log. */
export interface LogOwner {
  readonly accountId: number;
  readonly platformUserId: string;
  readonly userId: number;
}

/** A message to be appended. */
export interface NewMessage {
  readonly sender: Sender;
  readonly payload: Payload;
  readonly metadata: Record<string, unknown>;
  /** Without it: the user's most recent open session, else a new one. */
  readonly agentSessionId?: string;
  /** Makes the append safe to repeat. */
  readonly clientMessageId?: string;
}

export interface Appended {
  readonly message: Message;
  /** The same, where it goes out as JSON elsewhere, too: written once. */
  readonly json?: JsonText<Message>;
  /** The message was there already, under the same `client_message_id` with the same content. */
  readonly replayed: boolean;
}

/** The row of a platform user while its lock is held. Changes to it are saved when the transaction ends. */
export interface Head {
  headSeq: number;
  readSeq: number;
  sessionSeq: number;
  unreadCount: number;
  messageCount: number;
  currentSession: string | null;
}
