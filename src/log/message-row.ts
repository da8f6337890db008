import { toIso } from '../kernel/clock.js';
import { messageId } from '../kernel/ids.js';
import type { Message, MessageStatus, Payload, Sender } from '../kernel/wire.dto.js';
import type { LogOwner } from './log-types.js';

/** A row as {@link MESSAGE_COLUMNS} selects it. */
export interface MessageRow {
  seq: number;
  updated_seq: number;
  agent_session_id: string;
  sender: Sender;
  status: MessageStatus;
  payload: Payload;
  metadata: Record<string, unknown>;
  created_at: Date;
  updated_at: Date;
  deleted_at: Date | null;
  read_at: Date | null;
}

/**
 * What a message is made from; `m` is the message, `u` its head. A message below the read horizon was read when the
 * horizon passed it: at the first mark at or after it.
 */
export const MESSAGE_COLUMNS = `
  m.seq, m.updated_seq, m.agent_session_id, m.sender, m.status, m.payload, m.metadata,
  m.created_at, m.updated_at, m.deleted_at,
  coalesce(m.read_at, CASE WHEN m.seq <= u.read_seq THEN (
    SELECT r.read_at FROM read_marks r WHERE r.user_id = m.user_id AND r.read_seq >= m.seq ORDER BY r.read_seq LIMIT 1
  ) END) AS read_at`;

/** The allow-list: what of a row a client sees. */
export function toMessage(row: MessageRow, owner: LogOwner): Message {
  return {
    id: messageId({ userId: owner.userId, seq: row.seq }),
    platform_user_id: owner.platformUserId,
    agent_session_id: row.agent_session_id,
    seq: row.seq,
    updated_seq: row.updated_seq,
    payload: row.payload,
    metadata: row.metadata,
    status: row.status,
    read: row.read_at !== null,
    read_at: row.read_at && toIso(row.read_at),
    created_at: toIso(row.created_at),
    updated_at: toIso(row.updated_at),
    ...(row.deleted_at && { deleted_at: toIso(row.deleted_at) }),
  };
}
