import type { Statement } from '../../database/database.js';
import { MESSAGE_COLUMNS } from '../message-row.js';
import { OFFSET_PAGE_BYTES, PAGE_BYTES } from '../page-bytes.js';
import { SESSION_COLUMNS } from '../session-row.js';

/** $1 is the internal user id in every statement: each is an index scan of one user's log, and each names its shard. */
const FROM = 'FROM messages m JOIN platform_users u ON u.id = m.user_id WHERE m.user_id = $1';

export const ONE: Statement = { name: 'log.one', text: `SELECT ${MESSAGE_COLUMNS} ${FROM} AND m.seq = $2` };

/** The rows of a page, from its beginning, until its bytes are used up: $4 is the limit in rows. */
function bounded(from: string, order: string, tail: string, bytes = PAGE_BYTES): string {
  return `SELECT * FROM (
    SELECT ${MESSAGE_COLUMNS}, m.bytes, sum(m.bytes) OVER (ORDER BY ${order} ROWS UNBOUNDED PRECEDING) - m.bytes AS bytes_before
    ${from} ORDER BY ${order} ${tail}
  ) page WHERE bytes_before < ${bytes}`;
}

/** $2 after, $3 before (both exclusive), $4 limit, $5 session if there is one. */
function page(name: string, order: 'ASC' | 'DESC', filter = ''): Statement {
  const from = `${FROM} AND m.seq > $2 AND m.seq < $3 ${filter}`;
  return { name, text: bounded(from, `m.seq ${order}`, 'LIMIT $4') };
}

const IN_SESSION = 'AND m.agent_session_id = $5';
/** The horizon as a value of its own: compared with `u.read_seq`, the scan would pass all that was ever read. */
const UNREAD = `AND m.sender <> 'user' AND m.read_at IS NULL AND m.deleted_at IS NULL
  AND m.seq > (SELECT h.read_seq FROM platform_users h WHERE h.id = $1)`;

export const PAGES = {
  all: { asc: page('log.asc', 'ASC'), desc: page('log.desc', 'DESC') },
  session: {
    asc: page('log.session.asc', 'ASC', IN_SESSION),
    desc: page('log.session.desc', 'DESC', IN_SESSION),
  },
  unread: page('log.unread', 'ASC', UNREAD),
  unreadInSession: page('log.unread.session', 'ASC', `${UNREAD} ${IN_SESSION}`),
};

export const BY_OFFSET: Statement = {
  name: 'log.offset',
  text: bounded(FROM, 'm.seq', 'LIMIT $2 OFFSET $3', OFFSET_PAGE_BYTES),
};

export const COUNTS: Statement = {
  name: 'log.counts',
  text: 'SELECT head_seq, read_seq, unread_count, message_count FROM platform_users WHERE id = $1',
};

export const COUNT_IN_SESSION: Statement = {
  name: 'log.count.session',
  text: 'SELECT count(*)::int AS count FROM messages WHERE user_id = $1 AND agent_session_id = $2',
};

export const COUNT_UNREAD_IN_SESSION: Statement = {
  name: 'log.count.unread.session',
  text: `SELECT count(*)::int AS count ${FROM} ${UNREAD} AND m.agent_session_id = $2`,
};

export const HEADS: Statement = {
  name: 'log.heads',
  text: 'SELECT id, head_seq, read_seq, unread_count FROM platform_users WHERE id = ANY ($1::bigint[])',
};

const NO_SESSION = 'NULL::json AS session, m.bytes';
const CHANGES_FROM = 'FROM messages m JOIN platform_users u ON u.id = m.user_id WHERE m.user_id = $1';

/**
 * The log after position $2, at most $3 entries, with the head of the same snapshot. New messages in the order of
 * `seq`, changes in the order of `updated_seq`; each part is an index scan that stops at the limit. Entries beyond
 * `PAGE_BYTES` are left out.
 */
export const AFTER: Statement = {
  name: 'log.after',
  text: `
SELECT head.head_seq, head.read_seq AS head_read_seq, head.unread_count, head.platform_user_id, head.account_id, e.*
FROM platform_users head LEFT JOIN LATERAL (SELECT *, sum(bytes) OVER (ORDER BY position, event ROWS UNBOUNDED PRECEDING) - bytes AS bytes_before FROM (
  (SELECT m.seq AS position, 'message' AS event, ${MESSAGE_COLUMNS}, ${NO_SESSION}
   ${CHANGES_FROM} AND m.seq > $2 ORDER BY m.seq LIMIT $3)
  UNION ALL
  (SELECT m.updated_seq, 'message:updated', ${MESSAGE_COLUMNS}, ${NO_SESSION}
   ${CHANGES_FROM} AND m.updated_seq > $2 AND m.updated_seq > m.seq ORDER BY m.updated_seq LIMIT $3)
  UNION ALL
  (SELECT x.updated_seq, 'session', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, to_json(x), octet_length(x.context::text)
   FROM (SELECT ${SESSION_COLUMNS} FROM sessions s JOIN platform_users u ON u.id = s.user_id
         WHERE s.user_id = $1 AND s.updated_seq > $2 ORDER BY s.updated_seq LIMIT $3) x)
  ORDER BY position, event LIMIT $3
) all_entries) e ON e.bytes_before < ${PAGE_BYTES}
WHERE head.id = $1`,
};
