import { toIso } from '../kernel/clock.js';
import type { Session, SessionStatus } from '../kernel/wire.dto.js';

/** A row as {@link SESSION_COLUMNS} selects it. */
export interface SessionRow {
  agent_session_id: string;
  platform_user_id: string;
  title: string | null;
  status: SessionStatus;
  agent_id: string | null;
  context: Record<string, unknown>;
  metadata: Record<string, unknown>;
  updated_seq: number;
  created_at: Date;
  last_message_at: Date | null;
}

/** What a session is made from; `s` is the session, `u` its user's head. `last_message_at` is one index probe. */
export const SESSION_COLUMNS = `
  s.agent_session_id, u.platform_user_id, s.title, s.status, s.agent_id, s.context, s.metadata, s.updated_seq, s.created_at,
  (SELECT m.created_at FROM messages m WHERE m.user_id = s.user_id AND m.agent_session_id = s.agent_session_id
   ORDER BY m.seq DESC LIMIT 1) AS last_message_at`;

/** The allow-list: what of a row a client sees. */
export function toSession(row: SessionRow): Session {
  return {
    agent_session_id: row.agent_session_id,
    platform_user_id: row.platform_user_id,
    title: row.title,
    status: row.status,
    agent_id: row.agent_id,
    context: row.context,
    metadata: row.metadata,
    updated_seq: row.updated_seq,
    created_at: toIso(row.created_at),
    last_message_at: row.last_message_at && toIso(row.last_message_at),
  };
}

/**
 * What of a session somebody sees: `context` is the agent's own memory, and never goes to a browser.
 *
 * @param kind of the credential that asks; sockets and event streams count as user tokens, whatever opened them
 */
export function sessionFor(kind: 'api_key' | 'user_token', session: Session): Session {
  return kind === 'user_token' ? { ...session, context: {} } : session;
}
