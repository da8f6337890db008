import type { Statement } from '../../database/database.js';

/** $1 user, $2 position, $3 session, $4 sender, $5 payload, $6 metadata, $7 client_message_id, $8 hash. The head is locked. */
export const WRITE_REPLY: Statement = {
  name: 'log.reply.write',
  text: `
INSERT INTO messages (user_id, seq, updated_seq, agent_session_id, sender, payload, metadata, bytes, client_message_id, request_hash, created_at, updated_at)
SELECT $1, $2, $2, $3, $4, $5::text::json, $6::text::json, octet_length($5::text) + octet_length($6::text), $7, $8::bytea, now, now
FROM (SELECT clock_timestamp()::timestamptz(3) AS now) t`,
};
