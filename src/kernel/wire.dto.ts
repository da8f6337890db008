/**
 * What clients receive. Contract section 2 and 3.
 * The Swagger compiler plugin reads these classes (`*.dto.ts`), so `openapi.json` and `asyncapi.json` come from them.
 */

export type Sender = 'user' | 'assistant' | 'system';
export type MessageStatus = 'complete' | 'streaming' | 'cancelled' | 'incomplete';
export type SessionStatus = 'open' | 'closed';

/** A file that belongs to a message; Parley keeps the reference, not the file. */
export class Attachment {
  /** @example "invoice.pdf" */
  name: string;
  /** @example "https://files.example.com/invoice.pdf" */
  url: string;
  /** @example "The invoice of November" */
  description?: string;
  /** Media type. @example "application/pdf" */
  type?: string;
  /** Bytes. @example 48213 */
  size?: number;
}

/** The caller's own content. Fields beyond these are kept and returned. */
export class Payload {
  /** @example "How can I help you today?" */
  content: string;
  /** Who wrote it. @example "assistant" */
  sender: Sender;
  /** @example [] */
  attachments: Attachment[];
  [extra: string]: unknown;
}

/** One message in a platform user's log. */
export class Message {
  /** @example "msg_4k2m9x1c7hq000000016" */
  id: string;
  /** @example "user123" */
  platform_user_id: string;
  /** @example "session123" */
  agent_session_id: string;
  /** Position in the platform user's log: starts at 1, only grows, orders messages everywhere. @example 42 */
  seq: number;
  /** Position of the latest change; equal to `seq` for an untouched message. @example 42 */
  updated_seq: number;
  payload: Payload;
  /** The caller's own data. @example {} */
  metadata: Record<string, unknown>;
  /** @example "complete" */
  status: MessageStatus;
  /** Whether the platform user has read it. @example true */
  read: boolean;
  /** When the platform user read it. @example "2026-11-23T10:01:00.000Z" */
  read_at: string | null;
  /** @example "2026-11-23T10:00:00.000Z" */
  created_at: string;
  /** @example "2026-11-23T10:00:00.000Z" */
  updated_at: string;
  /** Only on a tombstone: when the message was deleted. Its content and metadata are gone. @example "2026-11-23T10:05:00.000Z" */
  deleted_at?: string;
}

/** A conversation of a platform user. */
export class Session {
  /** @example "session123" */
  agent_session_id: string;
  /** @example "user123" */
  platform_user_id: string;
  /** @example "Late delivery" */
  title: string | null;
  /** @example "open" */
  status: SessionStatus;
  /** The agent that this session is routed to. @example "support-bot" */
  agent_id: string | null;
  /** The agent's own memory. Shown to API keys only, never to user tokens. @example {} */
  context: Record<string, unknown>;
  /** The caller's own data. @example {} */
  metadata: Record<string, unknown>;
  /** Position of the latest change of this session in its user's log. @example 7 */
  updated_seq: number;
  /** @example "2026-11-23T09:58:00.000Z" */
  created_at: string;
  /** @example "2026-11-23T10:00:00.000Z" */
  last_message_at: string | null;
}

/** A platform user's read state, with the position of the log at which it holds. */
export class ReadState {
  /** Head of the log when this was true. @example 42 */
  seq: number;
  /** The read horizon: everything up to here is read. @example 42 */
  read_seq: number;
  /** Assistant and system messages not read yet. @example 0 */
  unread_count: number;
}
