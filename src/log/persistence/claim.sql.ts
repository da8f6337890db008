import type { Statement } from '../../database/database.js';

const STATE = `c.holder, c.agent_id, (extract(epoch FROM c.expires_at) * 1000)::bigint AS expires_at`;

/**
 * Claims a session for a holder, or renews what is its own: also what has run out, if nobody took it. No row when somebody
 * else holds it. The row stays locked until the end of the transaction, so that nobody takes it meanwhile.
 *
 * `is_new`: it was not this holder's before. `since_seq`: what is not handled begins here; exact under the head's lock.
 * `routed_to`: the agent that it is routed to; exact there, too.
 *
 * $1 user, $2 session, $3 account, $4 holder, $5 its agent, $6 its node, $7 lease in milliseconds.
 */
export const CLAIM: Statement = {
  name: 'log.claim',
  text: `
INSERT INTO claims AS c (user_id, agent_session_id, account_id, holder, agent_id, node_id, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp() + $7::int * interval '1 ms')
ON CONFLICT (user_id, agent_session_id) DO UPDATE
SET holder = excluded.holder, agent_id = excluded.agent_id, node_id = excluded.node_id, expires_at = excluded.expires_at,
  handled_seq = CASE WHEN c.holder = excluded.holder THEN c.handled_seq ELSE 0 END
WHERE c.holder = excluded.holder OR c.expires_at <= clock_timestamp()
RETURNING ${STATE}, c.handled_seq,
  NOT EXISTS (SELECT FROM claims b WHERE b.user_id = $1 AND b.agent_session_id = $2 AND b.holder = $4) AS is_new,
  (SELECT i.since_seq FROM inbox i WHERE i.user_id = $1 AND i.agent_session_id = $2) AS since_seq,
  (SELECT s.agent_id FROM sessions s WHERE s.account_id = $3 AND s.agent_session_id = $2) AS routed_to`,
};

/** Who holds session $2 of user $1 now. */
export const CLAIM_OF: Statement = {
  name: 'log.claim.of',
  text: `SELECT ${STATE} FROM claims c WHERE c.user_id = $1 AND c.agent_session_id = $2 AND c.expires_at > clock_timestamp()`,
};

/** The agent that session $3 of user $1, of account $2, is routed to; null: to any. Exact under the head's lock. */
export const ROUTED_TO: Statement = {
  name: 'log.claim.routed-to',
  text: 'SELECT s.agent_id FROM sessions s WHERE s.user_id = $1 AND s.account_id = $2 AND s.agent_session_id = $3',
};

/** $1 user, $2 session, $3 holder. */
export const RELEASE: Statement = {
  name: 'log.claim.release',
  text: 'DELETE FROM claims WHERE user_id = $1 AND agent_session_id = $2 AND holder = $3 RETURNING holder',
};

/** All that holder $1 holds. */
export const RELEASE_ALL: Statement = {
  name: 'log.claim.release-all',
  text: `
WITH released AS (
  DELETE FROM claims WHERE holder = $1 RETURNING user_id, agent_session_id
)
SELECT r.user_id, u.account_id, u.platform_user_id, r.agent_session_id
FROM released r JOIN LATERAL (
  SELECT u.account_id, u.platform_user_id FROM platform_users u WHERE u.id = r.user_id OFFSET 0
) u ON true`,
};

/** Ends the claim on session $2 of user $1 of any agent but $3. */
export const END_OF_OTHERS: Statement = {
  name: 'log.claim.end-of-others',
  text: `DELETE FROM claims WHERE user_id = $1 AND agent_session_id = $2 AND agent_id IS DISTINCT FROM $3::text
         RETURNING holder`,
};

export interface ClaimRow {
  holder: string;
  agent_id: string | null;
  /** Milliseconds since the epoch, by the database's clock. */
  expires_at: number;
}

export interface ClaimedRow extends ClaimRow {
  /** What the holder has handled while it held it. */
  handled_seq: number;
  is_new: boolean;
  since_seq: number | null;
  /** The agent that the session is routed to; null: to any. Exact under the head's lock. */
  routed_to: string | null;
}

export interface ReleasedRow {
  user_id: number;
  account_id: number;
  platform_user_id: string;
  agent_session_id: string;
}
