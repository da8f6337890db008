import type { Statement } from '../../database/database.js';

const COLUMNS = `
  id, account_id AS "accountId", url, description, events, agent_id AS "agentId",
  agent_session_prefix AS "agentSessionPrefix", platform_user_prefix AS "platformUserPrefix", enabled,
  disabled_reason AS "disabledReason", failures, breaker_until AS "breakerUntil",
  CASE WHEN previous_secret_until > now() THEN previous_secret_until END AS "previousSecretUntil",
  created_at AS "createdAt"`;

export const LIST: Statement = {
  name: 'webhooks.endpoints.list',
  text: `SELECT ${COLUMNS} FROM webhook_endpoints WHERE account_id = $1 ORDER BY created_at, id`,
};

export const FIND: Statement = {
  name: 'webhooks.endpoints.find',
  text: `SELECT ${COLUMNS} FROM webhook_endpoints WHERE account_id = $1 AND id = $2`,
};

/** Those who count and insert take turns: $1 the account. */
export const LOCK_ACCOUNT: Statement = {
  name: 'webhooks.endpoints.lock-account',
  text: 'SELECT FROM accounts WHERE id = $1 FOR NO KEY UPDATE',
};

/** $11: most endpoints of the account. No row when it has as many. */
export const INSERT: Statement = {
  name: 'webhooks.endpoints.insert',
  text: `
INSERT INTO webhook_endpoints (id, account_id, url, description, events, agent_id, agent_session_prefix, platform_user_prefix, enabled, secret)
SELECT $1, $2::int, $3, $4, $5::text[], $6, $7, $8, $9::boolean, $10
WHERE (SELECT count(*) FROM webhook_endpoints WHERE account_id = $2) < $11::int
RETURNING ${COLUMNS}`,
};

/** $3: the columns that change, as JSON. An endpoint that is enabled or moved begins with a closed breaker ($4). */
export const UPDATE: Statement = {
  name: 'webhooks.endpoints.update',
  text: `
UPDATE webhook_endpoints SET
  url = coalesce($3::jsonb ->> 'url', url),
  description = coalesce($3 ->> 'description', description),
  events = CASE WHEN $3 ? 'events' THEN ARRAY (SELECT jsonb_array_elements_text($3 -> 'events')) ELSE events END,
  agent_id = CASE WHEN $3 ? 'agent_id' THEN $3 ->> 'agent_id' ELSE agent_id END,
  agent_session_prefix = CASE WHEN $3 ? 'agent_session_prefix' THEN $3 ->> 'agent_session_prefix' ELSE agent_session_prefix END,
  platform_user_prefix = CASE WHEN $3 ? 'platform_user_prefix' THEN $3 ->> 'platform_user_prefix' ELSE platform_user_prefix END,
  enabled = coalesce(($3 ->> 'enabled')::boolean, enabled),
  disabled_reason = CASE WHEN ($3 ->> 'enabled')::boolean THEN NULL ELSE disabled_reason END,
  failures = CASE WHEN $4::boolean THEN 0 ELSE failures END,
  breaker_opens = CASE WHEN $4 THEN 0 ELSE breaker_opens END,
  breaker_until = CASE WHEN $4 THEN NULL ELSE breaker_until END
WHERE account_id = $1 AND id = $2
RETURNING ${COLUMNS}`,
};

/** The old secret signs too for $4 seconds. */
export const ROTATE: Statement = {
  name: 'webhooks.endpoints.rotate',
  text: `
UPDATE webhook_endpoints
SET previous_secret = secret, previous_secret_until = now() + $4::int * interval '1 second', secret = $3
WHERE account_id = $1 AND id = $2
RETURNING ${COLUMNS}`,
};

/**
 * Who changes an endpoint and its deliveries holds it first: those who change one of its deliveries together, and whoever
 * changes all of them alone. Without it they would lock rows in different orders, and wait for one another. Advisory: it
 * writes nothing, and nobody who waits to be alone is passed by.
 */
export const HOLD: Statement = {
  name: 'webhooks.endpoints.hold',
  text: 'SELECT FROM pg_advisory_xact_lock_shared(hashtextextended($1, 0))',
};

export const HOLD_ALONE: Statement = {
  name: 'webhooks.endpoints.hold-alone',
  text: 'SELECT FROM pg_advisory_xact_lock(hashtextextended($1, 0))',
};

export const DELETE: Statement = {
  name: 'webhooks.endpoints.delete',
  text: 'DELETE FROM webhook_endpoints WHERE account_id = $1 AND id = $2 RETURNING id',
};

export const DELETE_DELIVERIES: Statement = {
  name: 'webhooks.endpoints.delete-deliveries',
  text: 'DELETE FROM webhook_deliveries WHERE endpoint_id = $1',
};

/** What waits for a disabled endpoint is given up, and may be replayed. */
export const GIVE_UP_PENDING: Statement = {
  name: 'webhooks.endpoints.give-up-pending',
  text: `
UPDATE webhook_deliveries
SET state = 'dead', queued = true, finished_at = now(), next_attempt_at = NULL, last_error = $2
WHERE endpoint_id = $1 AND state = 'pending' AND event <> $3`,
};

export const SUBSCRIBED: Statement = {
  name: 'webhooks.endpoints.subscribed',
  text: 'SELECT DISTINCT account_id AS "accountId" FROM webhook_endpoints WHERE enabled',
};

export const DISABLE: Statement = {
  name: 'webhooks.endpoints.disable',
  text: 'UPDATE webhook_endpoints SET enabled = false, disabled_reason = $2 WHERE id = $1',
};

/** A success closes the breaker; a row that has nothing to forget is left alone. */
export const SUCCEEDED: Statement = {
  name: 'webhooks.endpoints.succeeded',
  text: `
UPDATE webhook_endpoints SET failures = 0, breaker_opens = 0, breaker_until = NULL
WHERE id = $1 AND (failures > 0 OR breaker_until IS NOT NULL)`,
};

/**
 * $2 failures in a row open the breaker for $3 milliseconds, and every failure after that for twice as long as the last,
 * at most $4. What fails while it is open (it was under way already) changes nothing.
 */
export const FAILED: Statement = {
  name: 'webhooks.endpoints.failed',
  text: `
UPDATE webhook_endpoints SET
  failures = failures + 1,
  breaker_opens = breaker_opens + CASE WHEN failures + 1 >= $2::int THEN 1 ELSE 0 END,
  breaker_until = CASE WHEN failures + 1 >= $2
    THEN clock_timestamp() + least($3::float8 * 2 ^ least(breaker_opens, 30), $4::float8) * interval '1 ms' END
WHERE id = $1 AND (breaker_until IS NULL OR $5::boolean)`,
};

/** One attempt may try whether the endpoint is back: nobody else for $2 milliseconds. No row: somebody else does. */
export const PROBE: Statement = {
  name: 'webhooks.endpoints.probe',
  text: `
UPDATE webhook_endpoints SET breaker_until = clock_timestamp() + $2::int * interval '1 ms'
WHERE id = $1 AND breaker_until <= clock_timestamp() RETURNING id`,
};
