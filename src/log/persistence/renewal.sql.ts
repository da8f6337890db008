import type { Statement } from '../../database/database.js';

/**
 * Renews the claim on session $2 of user $1 that is holder $4's still; no row when it is not, or when the session of account $3
 * is routed to another agent than $5. $6 lease in milliseconds. Never makes a claim: one that was taken away stays so.
 */
export const RENEW: Statement = {
  name: 'log.claim.renew',
  text: `
UPDATE claims c SET expires_at = clock_timestamp() + $6::int * interval '1 ms'
WHERE c.user_id = $1 AND c.agent_session_id = $2 AND c.holder = $4 AND EXISTS (
  SELECT FROM sessions s WHERE s.account_id = $3 AND s.user_id = $1 AND s.agent_session_id = $2
    AND (s.agent_id IS NULL OR s.agent_id = $5::text))
RETURNING c.holder`,
};
