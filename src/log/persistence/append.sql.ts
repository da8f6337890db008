import type { Statement } from '../../database/database.js';
import { headsBefore, INTO_INBOX } from './append-each.sql.js';

const MOVE_IN_INBOX =
  'ON CONFLICT (user_id, agent_session_id) DO UPDATE SET since_seq = excluded.since_seq, since = excluded.since';

/** What webhooks are to deliver (decision 17): a row for each of the user's messages and each endpoint that wants it. */
const INTO_WEBHOOKS = `INSERT INTO webhook_deliveries (account_id, endpoint_id, event, user_id, seq, created_at, tried_since)
  SELECT a.account_id, e.id, 'message.received', a.user_id, a.seq, a.now, a.now
  FROM accepted a JOIN webhook_endpoints e ON e.account_id = a.account_id
  WHERE a.sender = 'user' AND e.enabled AND 'message.received' = ANY (e.events)
    AND (e.agent_session_prefix IS NULL OR starts_with(a.sid, e.agent_session_prefix))
    AND (e.platform_user_prefix IS NULL OR EXISTS (
      SELECT FROM platform_users u WHERE u.id = a.user_id AND starts_with(u.platform_user_id, e.platform_user_prefix)))
    AND (e.agent_id IS NULL OR EXISTS (
      SELECT FROM sessions s WHERE s.account_id = a.account_id AND s.agent_session_id = a.sid AND s.agent_id = e.agent_id))`;

/**
 * As `APPEND_EACH`, for a batch in which a user has several items. Usual is a user whose items go to the session
 * that is current, and repeat nothing; the other users of the batch come back missing, untouched.
 *
 * The heads are locked in id order, the one global order, so that batches of any lane and node cannot deadlock; the lock
 * makes commit order equal `seq` order for each user. The newest version of a head is read, also after waiting for its
 * lock. The current session is always open: whoever closes it, under the same lock, names another one.
 *
 * $1 to $6, a row for each user: id, its session (null: any), its items, those of them that are unread, whether one of them
 * answers, the number of the first one that waits for an answer (null: none).
 * $7 to $13, a row for each item: user, number among its user's items, sender, payload, metadata, client_message_id, hash.
 */
export const APPEND_USUAL: Statement = {
  name: 'log.append.usual',
  text: `
WITH head AS MATERIALIZED (
  SELECT u.id, u.account_id, u.head_seq, u.read_seq, u.unread_count, u.current_session, t.items, t.unread, t.answers, t.waits,
    clock_timestamp()::timestamptz(3) AS now
  FROM unnest($1::bigint[], $2::text[], $3::int[], $4::int[], $5::bool[], $6::int[])
    AS t(id, session, items, unread, answers, waits)
  JOIN platform_users u ON u.id = t.id
  WHERE u.current_session = coalesce(t.session, u.current_session)
    AND NOT EXISTS (
      SELECT FROM unnest($7::bigint[], $12::text[]) AS c(user_id, client_id)
      JOIN messages m ON m.user_id = c.user_id AND m.client_message_id = c.client_id
      WHERE c.user_id = u.id AND c.client_id IS NOT NULL)
  ORDER BY u.id FOR NO KEY UPDATE OF u
), written AS (
  INSERT INTO messages (user_id, seq, updated_seq, agent_session_id, sender, payload, metadata, bytes, client_message_id, request_hash, created_at, updated_at)
  SELECT h.id, h.head_seq + i.k, h.head_seq + i.k, h.current_session, i.sender, i.payload::json, i.metadata::json,
    octet_length(i.payload) + octet_length(i.metadata), i.client_id, i.hash, h.now, h.now
  FROM unnest($7::bigint[], $8::int[], $9::text[], $10::text[], $11::text[], $12::text[], $13::bytea[])
    AS i(user_id, k, sender, payload, metadata, client_id, hash)
  JOIN head h ON h.id = i.user_id
), moved AS (
  UPDATE platform_users u
  SET head_seq = u.head_seq + h.items, message_count = u.message_count + h.items, unread_count = u.unread_count + h.unread
  FROM head h WHERE u.id = h.id
), answered AS (
  DELETE FROM inbox i USING head h
  WHERE h.answers AND h.waits IS NULL AND i.user_id = h.id AND i.agent_session_id = h.current_session
), waiting AS (
  ${INTO_INBOX}
  SELECT id, current_session, account_id, head_seq + waits, now FROM head WHERE waits IS NOT NULL AND NOT answers
  ON CONFLICT DO NOTHING
), waiting_again AS (
  ${INTO_INBOX}
  SELECT id, current_session, account_id, head_seq + waits, now FROM head WHERE waits IS NOT NULL AND answers
  ${MOVE_IN_INBOX}
)
${headsBefore('head_seq')}`,
};

/**
 * Appends a batch in one statement, whatever it needs: new sessions, named sessions, repeats, webhooks.
 *
 * - `head` locks the heads in id order, the one global order, so that batches of any lane and node cannot deadlock; the
 *   lock makes commit order equal `seq` order for each user. It returns the newest version of each row, also after
 *   waiting for its lock.
 * - `judged` decides each item. `stale`: a session was looked up in a snapshot that is older than the head (somebody
 *   changed a session while we waited for the lock), so the item has to be judged anew.
 * - Items of one user in one batch agree on their session and differ in `client_message_id` (see `fitsBatch`), so one
 *   row of `sessions` at most is born for each user.
 *
 * - `born` inserts in the order of the ids: two batches that want the same new sessions cannot deadlock over them either.
 *
 * Two things it cannot see become a unique violation, and the caller judges the items anew, one by one: a repeat or a session
 * that another transaction committed while this one waited.
 */
export const APPEND: Statement = {
  name: 'log.append',
  text: `
WITH input AS MATERIALIZED (
  SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bytea[])
    WITH ORDINALITY AS t(user_id, session, fresh_session, sender, payload, metadata, client_id, hash, n)
), head AS MATERIALIZED (
  SELECT id, account_id, head_seq, read_seq, session_seq, unread_count, current_session, clock_timestamp()::timestamptz(3) AS now
  FROM platform_users WHERE id = ANY ($1::bigint[]) ORDER BY id FOR NO KEY UPDATE
), judged AS MATERIALIZED (
  SELECT i.*, h.account_id, h.head_seq, h.read_seq, h.unread_count, h.now, d.seq AS original,
    coalesce(i.session, h.current_session, first_value(i.fresh_session) OVER (PARTITION BY i.user_id ORDER BY i.n)) AS sid,
    coalesce(i.session, h.current_session) IS NULL OR
      (i.session IS DISTINCT FROM h.current_session AND i.session IS NOT NULL AND s.user_id IS NULL) AS births,
    CASE
      WHEN h.id IS NULL THEN 'unknown_user'
      WHEN d.seq IS NOT NULL AND d.request_hash = i.hash THEN 'replayed'
      WHEN d.seq IS NOT NULL THEN 'reused'
      WHEN i.session IS NULL OR i.session = h.current_session THEN 'ok'
      WHEN h.session_seq <> before.session_seq THEN 'stale'
      WHEN s.user_id <> i.user_id THEN 'foreign'
      WHEN s.status = 'closed' THEN 'closed'
      ELSE 'ok'
    END AS verdict
  FROM input i
  LEFT JOIN head h ON h.id = i.user_id
  LEFT JOIN platform_users before ON before.id = i.user_id AND i.session IS NOT NULL
  LEFT JOIN sessions s ON s.account_id = h.account_id AND s.agent_session_id = i.session
  LEFT JOIN LATERAL (
    SELECT m.seq, m.request_hash FROM messages m
    WHERE m.user_id = i.user_id AND m.client_message_id = i.client_id AND i.client_id IS NOT NULL
  ) d ON true
), accepted AS MATERIALIZED (
  SELECT *, head_seq + row_number() OVER own AS seq,
    unread_count + count(*) FILTER (WHERE sender <> 'user') OVER own AS unread_after,
    row_number() OVER own = 1 AS first,
    max(n) FILTER (WHERE sender = 'assistant') OVER (PARTITION BY user_id) AS last_answer
  FROM judged WHERE verdict = 'ok'
  WINDOW own AS (PARTITION BY user_id ORDER BY n)
), grown AS MATERIALIZED (
  SELECT user_id, account_id, sid, now, max(seq) AS seq, count(*)::int AS messages, max(unread_after)::int AS unread,
    last_answer IS NOT NULL AS answers, min(seq) FILTER (WHERE sender = 'user' AND n > coalesce(last_answer, 0)) AS waiting_seq
  FROM accepted GROUP BY user_id, account_id, sid, now, last_answer
), born AS (
  INSERT INTO sessions (account_id, agent_session_id, user_id, updated_seq, created_at)
  SELECT account_id, sid, user_id, seq, now FROM accepted WHERE births AND first ORDER BY account_id, sid
), written AS (
  INSERT INTO messages (user_id, seq, updated_seq, agent_session_id, sender, payload, metadata, bytes, client_message_id, request_hash, created_at, updated_at)
  SELECT user_id, seq, seq, sid, sender, payload::json, metadata::json, octet_length(payload) + octet_length(metadata), client_id, hash, now, now FROM accepted
), moved AS (
  UPDATE platform_users u
  SET head_seq = t.seq, message_count = u.message_count + t.messages, unread_count = t.unread, current_session = t.sid
  FROM grown t WHERE u.id = t.user_id
), answered AS (
  DELETE FROM inbox i USING grown t
  WHERE t.answers AND t.waiting_seq IS NULL AND i.user_id = t.user_id AND i.agent_session_id = t.sid
), waiting AS (
  ${INTO_INBOX}
  SELECT user_id, sid, account_id, waiting_seq, now FROM grown WHERE waiting_seq IS NOT NULL AND NOT answers
  ON CONFLICT DO NOTHING
), waiting_again AS (
  ${INTO_INBOX}
  SELECT user_id, sid, account_id, waiting_seq, now FROM grown WHERE waiting_seq IS NOT NULL AND answers
  ${MOVE_IN_INBOX}
), delivered AS (
  ${INTO_WEBHOOKS}
)
SELECT j.verdict, j.original, j.sid, j.read_seq, (extract(epoch FROM j.now) * 1000)::bigint AS now,
  a.seq, a.unread_after::int AS unread_count, coalesce(a.births AND a.first, false) AS born
FROM judged j LEFT JOIN accepted a ON a.n = j.n
ORDER BY j.n`,
};

export interface AppendRow {
  verdict: 'ok' | 'replayed' | 'reused' | 'foreign' | 'closed' | 'stale' | 'unknown_user';
  /** Position of the message that has this `client_message_id` already. */
  original: number | null;
  sid: string;
  read_seq: number;
  /** Milliseconds since the epoch, by the database's clock. */
  now: number;
  seq: number;
  unread_count: number;
  born: boolean;
}
