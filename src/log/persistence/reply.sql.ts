import type { Statement } from '../../database/database.js';

/** What a reply has to know. $1 user, $2 account, $3 session, $4 client_message_id. */
export const BEFORE_REPLY: Statement = {
  name: 'log.reply.before',
  text: `
SELECT s.user_id, s.status, d.seq AS original, d.request_hash
FROM (SELECT $1::bigint AS id) u
LEFT JOIN sessions s ON s.account_id = $2 AND s.agent_session_id = $3
LEFT JOIN messages d ON d.user_id = $1 AND d.client_message_id = $4::text`,
};

/** $1 user, $2 position, $3 session, $4 sender, $5 payload, $6 metadata, $7 client_message_id, $8 hash. The head is locked. */
export const WRITE_REPLY: Statement = {
  name: 'log.reply.write',
  text: `
INSERT INTO messages (user_id, seq, updated_seq, agent_session_id, sender, payload, metadata, bytes, client_message_id, request_hash, created_at, updated_at)
SELECT $1, $2, $2, $3, $4, $5::text::json, $6::text::json, octet_length($5::text) + octet_length($6::text), $7, $8::bytea, now, now
FROM (SELECT clock_timestamp()::timestamptz(3) AS now) t`,
};

export interface BeforeReplyRow {
  /** Whose session it is; null: there is none. */
  user_id: number | null;
  status: 'open' | 'closed' | null;
  /** Position of the message that has this `client_message_id` already. */
  original: number | null;
  request_hash: Buffer | null;
}
