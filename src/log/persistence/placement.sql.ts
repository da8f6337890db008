import type { Statement } from '../../database/database.js';
import { SESSION_COLUMNS } from '../session-row.js';

/** The message of a client message id, for who repeats it. $1 user, $2 client_message_id. */
export const REPEATED: Statement = {
  name: 'log.place.repeated',
  text: 'SELECT seq, request_hash FROM messages WHERE user_id = $1 AND client_message_id = $2',
};

/** Whose a session is, and whether it is open. $1 account, $2 session. */
export const SESSION_STATE: Statement = {
  name: 'log.place.session',
  text: 'SELECT user_id, status FROM sessions WHERE account_id = $1 AND agent_session_id = $2',
};

/** No row when the id was taken meanwhile. $1 account, $2 session, $3 user, $4 position. */
export const BEAR_SESSION: Statement = {
  name: 'log.place.bear-session',
  text: `INSERT INTO sessions (account_id, agent_session_id, user_id, updated_seq, created_at)
         VALUES ($1, $2, $3, $4, clock_timestamp())
         ON CONFLICT (account_id, agent_session_id) DO NOTHING RETURNING created_at`,
};

/** $1 account, $2 session. */
export const SESSION: Statement = {
  name: 'log.place.session-row',
  text: `SELECT ${SESSION_COLUMNS} FROM sessions s JOIN platform_users u ON u.id = s.user_id
         WHERE s.account_id = $1 AND s.agent_session_id = $2`,
};
