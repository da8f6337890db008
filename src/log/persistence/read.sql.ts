import type { Statement } from '../../database/database.js';
import { MESSAGE_COLUMNS, MESSAGE_JSON, NEW_MESSAGE_COLUMNS } from '../message-json.js';
import { OFFSET_PAGE_BYTES, PAGE_BYTES } from '../page-bytes.js';
import { SESSION_COLUMNS } from '../session-row.js';

/** $1 is the internal user id in every statement: each is an index scan of one user's log, and each names its shard. */
const FROM = 'FROM messages m JOIN platform_users u ON u.id = m.user_id WHERE m.user_id = $1';

export const ONE: Statement = {
  name: 'log.one',
  text: `SELECT sender, ${MESSAGE_JSON} AS message FROM (SELECT ${MESSAGE_COLUMNS} ${FROM} AND m.seq = $2) one`,
};

interface Page {
  /** Columns: `total`, how many messages all pages have together, and what it is made of. */
  counts: string;
  /** Where they come from, besides the head `u`. */
  from?: string;
  filter?: string;
  order?: 'ASC' | 'DESC';
  offset?: string;
  /** Bytes after which it ends. */
  bytes?: number;
}

/**
 * A page as one row: its messages as a JSON array, where the next page begins, and the total of the same snapshot.
 * $2 after, $3 before (both exclusive), $4 limit. It reads one message more than the limit, to know whether there is
 * more, and ends early when its bytes are used up. `string_agg` takes the rows in the order of the subquery.
 */
function page(
  name: string,
  { counts, from = '', filter = '', order = 'ASC', offset = '', bytes = PAGE_BYTES }: Page,
): Statement {
  const text = `
SELECT page.*, ${counts}
FROM platform_users u ${from} CROSS JOIN LATERAL (
  SELECT concat('[', string_agg(${MESSAGE_JSON}, ',') FILTER (WHERE n <= $4), ']') AS messages,
    CASE WHEN count(*) > $4 OR bool_or(bytes_so_far >= ${bytes})
      THEN ${order === 'ASC' ? 'max' : 'min'}(seq) FILTER (WHERE n <= $4) END AS next
  FROM (
    SELECT ${MESSAGE_COLUMNS}, m.bytes, row_number() OVER so_far AS n, sum(m.bytes) OVER so_far AS bytes_so_far
    FROM (
      SELECT m.* FROM messages m WHERE m.user_id = $1 AND m.seq > $2 AND m.seq < $3 ${filter}
      ORDER BY m.seq ${order} LIMIT $4 + 1 ${offset}
    ) m WINDOW so_far AS (ORDER BY m.seq ${order} ROWS UNBOUNDED PRECEDING)
  ) m WHERE bytes_so_far - bytes < ${bytes}
) page
WHERE u.id = $1`;
  return { name, text };
}

/** $5 is the session. */
const IN_SESSION = 'AND m.agent_session_id = $5';
/**
 * The horizon as a value of its own: compared with `u.read_seq`, the scan would pass all that was ever read. An answer
 * that is still arriving is unread once it is finished: who polls would take its first words for all of it.
 */
const UNREAD = `AND m.sender <> 'user' AND m.status <> 'streaming' AND m.read_at IS NULL AND m.deleted_at IS NULL
  AND m.seq > (SELECT h.read_seq FROM platform_users h WHERE h.id = $1)`;

const ALL = { counts: 'u.message_count AS total' };
/**
 * The total of a session is what was counted up to a position, and a count of what came later. Who finds much of that
 * moves the position on, by {@link COUNT_SESSION}. OFFSET 0: by its key, not among all sessions of the user.
 */
const SESSION = {
  counts:
    'coalesce(s.counted, 0) + later.messages AS total, s.counted_seq, later.messages AS later, later.last_seq',
  from: `LEFT JOIN LATERAL (
      SELECT * FROM sessions WHERE account_id = u.account_id AND agent_session_id = $5 OFFSET 0
    ) s ON s.user_id = u.id
    CROSS JOIN LATERAL (
      SELECT count(*) AS messages, max(m.seq) AS last_seq
      FROM messages m WHERE m.user_id = $1 AND m.seq > coalesce(s.counted_seq, 0) ${IN_SESSION}
    ) later`,
  filter: IN_SESSION,
};
const UNREAD_IN_SESSION = {
  counts: `(SELECT count(*) FROM messages m WHERE m.user_id = $1 ${UNREAD} ${IN_SESSION}) AS total`,
  filter: `${UNREAD} ${IN_SESSION}`,
};

export const PAGES = {
  all: { asc: page('log.asc', ALL), desc: page('log.desc', { ...ALL, order: 'DESC' }) },
  session: {
    asc: page('log.session.asc', SESSION),
    desc: page('log.session.desc', { ...SESSION, order: 'DESC' }),
  },
  unread: page('log.unread', { counts: 'u.unread_count AS total', filter: UNREAD }),
  unreadInSession: page('log.unread.session', UNREAD_IN_SESSION),
};

/** $5 is how many messages to skip. */
export const BY_OFFSET = page('log.offset', { ...ALL, offset: 'OFFSET $5', bytes: OFFSET_PAGE_BYTES });

/**
 * In session $2 of account $1, $5 messages lie at positions up to $4. It is as it was when they were counted after $3, so
 * of many who counted one is heard, and the position only grows. A snapshot that has the message at $4 has all before
 * it (the head's lock), so no message can come to lie there later.
 */
export const COUNT_SESSION: Statement = {
  name: 'log.count.session',
  text: `UPDATE sessions SET counted_seq = $4, counted = $5
         WHERE account_id = $1 AND agent_session_id = $2 AND counted_seq = $3`,
};

export const HEADS: Statement = {
  name: 'log.heads',
  text: 'SELECT id, head_seq, read_seq, unread_count FROM platform_users WHERE id = ANY ($1::bigint[])',
};

const NO_SESSION = 'NULL::json AS session, m.bytes';

/**
 * The log after position $2, at most $3 entries, with the head of the same snapshot. New messages in the order of
 * `seq`, changes in the order of `updated_seq`; each part is an index scan that stops at the limit. Entries beyond
 * `PAGE_BYTES` are left out.
 */
export const AFTER: Statement = {
  name: 'log.after',
  text: `
SELECT head.head_seq, head.read_seq, head.unread_count, e.*
FROM platform_users head LEFT JOIN LATERAL (
  SELECT position, event, session, CASE WHEN session IS NULL THEN ${MESSAGE_JSON} END AS message, bytes_so_far
  FROM (SELECT *, sum(bytes) OVER (ORDER BY position, event ROWS UNBOUNDED PRECEDING) AS bytes_so_far FROM (
    (SELECT m.seq AS position, 'message' AS event, ${NEW_MESSAGE_COLUMNS}, ${NO_SESSION}
     ${FROM} AND m.seq > $2 ORDER BY m.seq LIMIT $3)
    UNION ALL
    (SELECT m.updated_seq, 'message:updated', ${MESSAGE_COLUMNS}, ${NO_SESSION}
     ${FROM} AND m.updated_seq > $2 AND m.updated_seq > m.seq ORDER BY m.updated_seq LIMIT $3)
    UNION ALL
    (SELECT x.updated_seq, 'session', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, to_json(x), octet_length(x.context::text)
     FROM (SELECT ${SESSION_COLUMNS} FROM sessions s JOIN platform_users u ON u.id = s.user_id
           WHERE s.user_id = $1 AND s.updated_seq > $2 ORDER BY s.updated_seq LIMIT $3) x)
    ORDER BY position, event LIMIT $3
  ) entries) m WHERE bytes_so_far - bytes < ${PAGE_BYTES}
) e ON true
WHERE head.id = $1`,
};
