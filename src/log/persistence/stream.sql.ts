import type { Statement } from '../../database/database.js';

/**
 * A message without text yet, and the row by which it can be finished by anybody. Its user's head is locked.
 *
 * $1 user, $2 position, $3 session, $4 sender, $5 payload, $6 metadata, $7 client_message_id, $8 hash, $9 and $10
 * what its agent was told: from and to (null: nothing), $11 writer, $12 source, $13 its agent, $14 its key, $15 whether it
 * has claimed the session.
 */
export const START: Statement = {
  name: 'log.stream.start',
  text: `
WITH t AS (SELECT clock_timestamp()::timestamptz(3) AS now), written AS (
  INSERT INTO messages (user_id, seq, updated_seq, agent_session_id, sender, status, payload, metadata, bytes, client_message_id, request_hash, created_at, updated_at)
  SELECT $1, $2, $2, $3, $4, 'streaming', $5::text::json, $6::text::json, octet_length($5::text) + octet_length($6::text), $7, $8::bytea, now, now
  FROM t
), begun AS (
  INSERT INTO streams (user_id, seq, agent_session_id, told_since, told_up_to, started_at, source, agent_id, key_id, is_fenced)
  SELECT $1, $2, $3, $9, $10, now, $12, $13, $14, $15 FROM t
)
INSERT INTO stream_texts (user_id, seq, writer, touched_at) SELECT $1, $2, $11, now FROM t`,
};

/** From now on $3 writes the text of stream $2 of user $1. No row when it is finished. */
export const TAKE_OVER: Statement = {
  name: 'log.stream.take-over',
  text: `
INSERT INTO stream_texts AS t (user_id, seq, writer, touched_at)
SELECT user_id, seq, $3, clock_timestamp() FROM streams WHERE user_id = $1 AND seq = $2 FOR SHARE
ON CONFLICT (user_id, seq) DO UPDATE SET writer = excluded.writer
RETURNING t.text, (SELECT s.stopped_at IS NOT NULL FROM streams s WHERE s.user_id = $1 AND s.seq = $2) AS stopped`,
};

/**
 * Adds to the texts of many streams: $1 users, $2 positions, $3 lengths before, $4 lengths after, $5 pieces, $6 writer. A
 * stream that has another writer, another length, or is finished, comes back missing, untouched.
 */
export const SAVE_TEXTS: Statement = {
  name: 'log.stream.save',
  text: `
UPDATE stream_texts t SET text = t.text || n.piece, units = n.units_after, touched_at = clock_timestamp()
FROM unnest($1::bigint[], $2::bigint[], $3::int[], $4::int[], $5::text[]) AS n(user_id, seq, units_before, units_after, piece)
WHERE t.user_id = n.user_id AND t.seq = n.seq AND t.writer = $6 AND t.units = n.units_before
RETURNING t.user_id, t.seq,
  (SELECT s.stopped_at IS NOT NULL FROM streams s WHERE s.user_id = t.user_id AND s.seq = t.seq) AS stopped`,
};

/**
 * What a finish needs of stream $2 of user $1; locked, so that no writer adds meanwhile. $3 milliseconds after which one
 * that does not grow is overdue, $4 those for one that was stopped, $5 those since its start.
 */
export const LOCK_STREAM: Statement = {
  name: 'log.stream.lock',
  text: `
SELECT s.told_since, s.told_up_to, s.stopped_at IS NOT NULL AS stopped, t.writer, coalesce(t.text, '') AS text,
  coalesce(t.touched_at, s.started_at) < clock_timestamp() - $3::int * interval '1 ms'
    OR coalesce(s.stopped_at < clock_timestamp() - $4::int * interval '1 ms', false)
    OR s.started_at < clock_timestamp() - $5::int * interval '1 ms' AS overdue
FROM streams s LEFT JOIN stream_texts t ON t.user_id = s.user_id AND t.seq = s.seq
WHERE s.user_id = $1 AND s.seq = $2 FOR UPDATE OF s`,
};

/** $1 user, $2 position, $3 position of the change, $4 status, $5 payload, $6 metadata. Takes its stream away. */
export const FINISH: Statement = {
  name: 'log.stream.finish',
  text: `
WITH ended AS (
  DELETE FROM streams WHERE user_id = $1 AND seq = $2
)
UPDATE messages SET updated_seq = $3, updated_at = clock_timestamp(), status = $4, payload = $5::text::json,
  metadata = $6::text::json, bytes = octet_length($5::text) + octet_length($6::text)
WHERE user_id = $1 AND seq = $2`,
};

/** The platform user wants no more of stream $2 of user $1. */
export const STOP: Statement = {
  name: 'log.stream.stop',
  text: `UPDATE streams SET stopped_at = coalesce(stopped_at, clock_timestamp()) WHERE user_id = $1 AND seq = $2
         RETURNING seq`,
};

/** Streams that nobody finishes any more, the longest first. $1 to $3 as $3 to $5 of {@link LOCK_STREAM}; $4 limit. */
export const OVERDUE: Statement = {
  name: 'log.stream.overdue',
  text: `
SELECT s.user_id, s.seq
FROM streams s LEFT JOIN stream_texts t ON t.user_id = s.user_id AND t.seq = s.seq
WHERE coalesce(t.touched_at, s.started_at) < clock_timestamp() - $1::int * interval '1 ms'
  OR s.stopped_at < clock_timestamp() - $2::int * interval '1 ms'
  OR s.started_at < clock_timestamp() - $3::int * interval '1 ms'
ORDER BY s.started_at LIMIT $4`,
};

/** The texts so far of all streams of these users. */
export const TEXTS: Statement = {
  name: 'log.stream.texts',
  text: `
SELECT s.user_id, s.seq, s.agent_session_id, coalesce(t.text, '') AS text
FROM streams s LEFT JOIN stream_texts t ON t.user_id = s.user_id AND t.seq = s.seq
WHERE s.user_id = ANY ($1::bigint[]) ORDER BY s.user_id, s.seq`,
};
