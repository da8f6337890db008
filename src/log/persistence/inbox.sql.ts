import type { Statement } from '../../database/database.js';
import { MESSAGE_COLUMNS, MESSAGE_JSON } from '../message-json.js';
import { PAGE_BYTES } from '../page-bytes.js';
import { SESSION_COLUMNS, type SessionRow } from '../session-row.js';
import type { ClaimRow } from './claim.sql.js';

/** OFFSET 0: each row by its key, whatever the planner knew of the tables when it made the plan. */
const WITH_SESSION = `
JOIN LATERAL (
  SELECT * FROM sessions WHERE account_id = i.account_id AND agent_session_id = i.agent_session_id OFFSET 0
) s ON s.status = 'open'`;
const WITH_CLAIM = `
LEFT JOIN LATERAL (
  SELECT * FROM claims WHERE user_id = i.user_id AND agent_session_id = i.agent_session_id OFFSET 0
) c ON c.expires_at > clock_timestamp()`;

/** @param waiting what gives rows of `inbox` as `i` */
const select = (waiting: string): string => `
SELECT ${SESSION_COLUMNS}, i.user_id, i.since_seq,
  (SELECT m.seq FROM messages m WHERE m.user_id = i.user_id AND m.agent_session_id = i.agent_session_id
   ORDER BY m.seq DESC LIMIT 1) AS last_seq,
  c.holder, c.agent_id AS claimant, (extract(epoch FROM c.expires_at) * 1000)::bigint AS expires_at
FROM ${waiting} i
CROSS JOIN LATERAL (SELECT * FROM platform_users WHERE id = i.user_id OFFSET 0) u ${WITH_SESSION} ${WITH_CLAIM}`;

/** Rows of account $1. $3 agents: what is routed to one of them, or to nobody. $4 holders: what one of them holds, or nobody. */
const OF_ACCOUNT = `
WHERE i.account_id = $1 AND i.since IS NOT NULL
  AND ($3::text[] IS NULL OR s.agent_id IS NULL OR s.agent_id = ANY ($3))
  AND ($4::text[] IS NULL OR c.holder IS NULL OR c.holder = ANY ($4))`;

/**
 * What waits in account $1, the longest first, at most $2. $3 agents: what is routed to one of them, or to nobody (null:
 * whoever it is routed to). $4 holders: what one of them holds, or nobody (null: whoever holds it).
 */
export const PENDING: Statement = {
  name: 'log.inbox.pending',
  text: `${select('inbox')} ${OF_ACCOUNT} ORDER BY i.since LIMIT $2`,
};

/** The same, at most $2 of what is routed to each of the agents, and of what is routed to nobody. Reads all that waits. */
export const PENDING_OF_EACH: Statement = {
  name: 'log.inbox.pending-of-each',
  text: `${select(`(
  SELECT * FROM (
    SELECT i.*, row_number() OVER (PARTITION BY s.agent_id ORDER BY i.since) AS place
    FROM inbox i ${WITH_SESSION} ${WITH_CLAIM} ${OF_ACCOUNT}
  ) placed WHERE place <= $2
)`)} ORDER BY i.since`,
};

/** What waits in session $2 of user $1. */
export const PENDING_OF: Statement = {
  name: 'log.inbox.pending-of',
  text: `${select('inbox')} WHERE i.user_id = $1 AND i.agent_session_id = $2`,
};

/**
 * Messages of user $1 in its session $2 from position $3 on, at most $4, no tombstones. They end early when the bytes of a
 * page are used up; the first always comes.
 */
export const WAITING_MESSAGES: Statement = {
  name: 'log.inbox.messages',
  text: `
SELECT ${MESSAGE_JSON} AS message FROM (
  SELECT ${MESSAGE_COLUMNS}, m.bytes, sum(m.bytes) OVER (ORDER BY m.seq ROWS UNBOUNDED PRECEDING) AS bytes_so_far
  FROM (
    SELECT m.* FROM messages m
    WHERE m.user_id = $1 AND m.agent_session_id = $2 AND m.seq >= $3 AND m.sender = 'user' AND m.deleted_at IS NULL
    ORDER BY m.seq LIMIT $4
  ) m JOIN platform_users u ON u.id = m.user_id
) m WHERE bytes_so_far - bytes < ${PAGE_BYTES} ORDER BY seq`,
};

/** A message of user $1 in its session $2 from position $3 to $4, no tombstone. */
export const HANDLED_BETWEEN: Statement = {
  name: 'log.inbox.handled-between',
  text: `SELECT m.seq FROM messages m
         WHERE m.user_id = $1 AND m.agent_session_id = $2 AND m.seq >= $3 AND m.seq <= $4
           AND m.sender = 'user' AND m.deleted_at IS NULL
         LIMIT 1`,
};

/** Session $2 of user $1 is closed ($3), and out of every agent's sight, or open, and waits from now on. */
export const SHELVE: Statement = {
  name: 'log.inbox.shelve',
  text: `UPDATE inbox SET since = CASE WHEN NOT $3::bool THEN clock_timestamp() END
         WHERE user_id = $1 AND agent_session_id = $2`,
};

/**
 * What waits in session $2 of user $1 begins after position $3, or with the next message that is not a tombstone; nothing
 * waits when there is none. Holder $4 (null: none) has handled it. The head is locked.
 */
export const SETTLE: Statement = {
  name: 'log.inbox.settle',
  text: `
WITH waiting AS (
  SELECT next.seq, next.created_at
  FROM inbox i LEFT JOIN LATERAL (
    SELECT m.seq, m.created_at FROM messages m
    WHERE m.user_id = $1 AND m.agent_session_id = $2 AND m.seq > greatest($3::bigint, i.since_seq - 1)
      AND m.sender = 'user' AND m.deleted_at IS NULL
    ORDER BY m.seq LIMIT 1
  ) next ON true
  WHERE i.user_id = $1 AND i.agent_session_id = $2
), later AS (
  UPDATE inbox i SET since_seq = waiting.seq, since = CASE WHEN i.since IS NOT NULL THEN waiting.created_at END FROM waiting
  WHERE i.user_id = $1 AND i.agent_session_id = $2 AND waiting.seq > i.since_seq
), done AS (
  DELETE FROM inbox i USING waiting
  WHERE i.user_id = $1 AND i.agent_session_id = $2 AND waiting.seq IS NULL
)
UPDATE claims SET handled_seq = greatest(handled_seq, $3::bigint)
WHERE user_id = $1 AND agent_session_id = $2 AND holder = $4::text`,
};

export interface PendingRow extends SessionRow {
  user_id: number;
  since_seq: number;
  last_seq: number;
  holder: ClaimRow['holder'] | null;
  claimant: ClaimRow['agent_id'];
  expires_at: number | null;
}
