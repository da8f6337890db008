import type { Statement } from '../../database/database.js';

const COLUMNS = `
  d.id, d.endpoint_id AS "endpointId", d.event, d.user_id AS "userId", d.seq, d.state, d.attempts,
  d.created_at AS "createdAt", d.next_attempt_at AS "nextAttemptAt", d.finished_at AS "finishedAt",
  d.last_status AS "lastStatus", d.last_error AS "lastError"`;

/** Newest first, below a position: $3 time, $4 id (null: from the newest on). $5 rows. */
const PAGE = `
  AND ($3::timestamptz IS NULL OR (d.created_at, d.id) < ($3, $4))
ORDER BY d.created_at DESC, d.id DESC LIMIT $5`;

/** $1 account, $2 endpoint. */
export const LIST: Statement = {
  name: 'webhooks.deliveries.list',
  text: `SELECT ${COLUMNS} FROM webhook_deliveries d
WHERE d.account_id = $1 AND d.endpoint_id = $2 AND ($6::text IS NULL OR d.state = $6) ${PAGE}`,
};

/** $1 account, $2 endpoint (null: any). */
export const LIST_DEAD: Statement = {
  name: 'webhooks.deliveries.list-dead',
  text: `SELECT ${COLUMNS} FROM webhook_deliveries d
WHERE d.account_id = $1 AND d.state = 'dead' AND ($2::text IS NULL OR d.endpoint_id = $2) ${PAGE}`,
};

export const FIND: Statement = {
  name: 'webhooks.deliveries.find',
  text: `SELECT ${COLUMNS} FROM webhook_deliveries d WHERE d.account_id = $1 AND d.endpoint_id = $2 AND d.id = $3`,
};

export const ATTEMPTS: Statement = {
  name: 'webhooks.deliveries.attempts',
  text: `
SELECT attempt, started_at AS "startedAt", duration_ms AS "durationMs", status, error, response
FROM webhook_attempts WHERE delivery_id = $1 ORDER BY attempt`,
};

/** An event that is about no message. */
export const INSERT: Statement = {
  name: 'webhooks.deliveries.insert',
  text: `
INSERT INTO webhook_deliveries AS d (account_id, endpoint_id, event, created_at, tried_since)
VALUES ($1, $2, $3, now(), now()) RETURNING ${COLUMNS}`,
};

/**
 * Dead letters that are tried anew, from the beginning of the schedule on: $1 account, $2 endpoint (null: any), $3 ids
 * (null: all), $4 most. Those of an endpoint that is disabled stay where they are.
 */
export const REPLAY: Statement = {
  name: 'webhooks.deliveries.replay',
  text: `
UPDATE webhook_deliveries SET state = 'pending', queued = false, tried_since = now(), attempts_before = attempts,
  finished_at = NULL, next_attempt_at = NULL
WHERE id = ANY (ARRAY(
  SELECT d.id FROM webhook_deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint_id
  WHERE d.account_id = $1 AND d.state = 'dead' AND e.enabled
    AND ($2::text IS NULL OR d.endpoint_id = $2) AND ($3::text[] IS NULL OR d.id = ANY ($3))
  ORDER BY d.created_at, d.id LIMIT $4 FOR UPDATE OF d SKIP LOCKED))
RETURNING id`,
};

/** Takes $1 deliveries that are recorded and not in the queue yet, oldest first; nobody else takes them meanwhile. */
export const TAKE_UNQUEUED: Statement = {
  name: 'webhooks.deliveries.take-unqueued',
  text: `
UPDATE webhook_deliveries SET queued = true
WHERE id = ANY (ARRAY(
  SELECT id FROM webhook_deliveries WHERE NOT queued ORDER BY created_at LIMIT $1 FOR UPDATE SKIP LOCKED))
RETURNING id AS "deliveryId", attempts + 1 AS attempt`,
};

/** A delivery that waits for its attempt $2, with its endpoint; none when there is nothing to do any more. */
export const DUE: Statement = {
  name: 'webhooks.deliveries.due',
  text: `
SELECT d.id, d.account_id AS "accountId", d.endpoint_id AS "endpointId", d.event, d.user_id AS "userId", d.seq,
  u.platform_user_id AS "platformUserId", d.attempts, d.attempts_before AS "attemptsBefore",
  d.created_at AS "createdAt", (extract(epoch FROM clock_timestamp() - d.tried_since) * 1000)::float8 AS age, e.url, e.enabled,
  CASE WHEN e.previous_secret_until > now() THEN ARRAY [e.secret, e.previous_secret] ELSE ARRAY [e.secret] END AS secrets,
  (extract(epoch FROM e.breaker_until - clock_timestamp()) * 1000)::float8 AS "breakerWait", e.breaker_until AS "breakerUntil"
FROM webhook_deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint_id
LEFT JOIN platform_users u ON u.id = d.user_id
WHERE d.id = $1 AND d.state = 'pending' AND d.attempts = $2::int - 1`,
};

/** How an attempt went ($2 to $7), and what becomes of the delivery: state $8, next attempt in $9 ms, reason $10. */
export const RECORD_ATTEMPT: Statement = {
  name: 'webhooks.deliveries.record-attempt',
  text: `
WITH changed AS (
  UPDATE webhook_deliveries SET
    attempts = attempts + 1, state = $8, last_status = $5, last_error = $10,
    next_attempt_at = clock_timestamp() + $9::float8 * interval '1 ms',
    finished_at = CASE WHEN $8 <> 'pending' THEN clock_timestamp() END
  WHERE id = $1 AND state = 'pending' AND attempts = $2::int - 1
  RETURNING id
)
INSERT INTO webhook_attempts (delivery_id, attempt, started_at, duration_ms, status, error, response)
SELECT id, $2, $3::timestamptz, $4::int, $5::int, $6, $7 FROM changed
RETURNING attempt`,
};

/** Not tried now, for $2 ms: $3 says why. */
export const POSTPONE: Statement = {
  name: 'webhooks.deliveries.postpone',
  text: `
UPDATE webhook_deliveries SET next_attempt_at = clock_timestamp() + $2::float8 * interval '1 ms', last_error = $3
WHERE id = $1 AND state = 'pending'`,
};

export const GIVE_UP: Statement = {
  name: 'webhooks.deliveries.give-up',
  text: `
UPDATE webhook_deliveries SET state = 'dead', finished_at = clock_timestamp(), next_attempt_at = NULL, last_error = $2
WHERE id = $1 AND state = 'pending'`,
};

/** Deletes $2 of what ended more than $1 days ago, with its attempts. */
export const FORGET: Statement = {
  name: 'webhooks.deliveries.forget',
  text: `
DELETE FROM webhook_deliveries WHERE id = ANY (ARRAY(
  SELECT id FROM webhook_deliveries WHERE finished_at < now() - $1::int * interval '1 day'
  ORDER BY finished_at LIMIT $2 FOR UPDATE SKIP LOCKED))
RETURNING id`,
};
