import type { TestNode } from '../../support/node.js';
import type { Route, Things } from './routes.js';

const admin = (by: Route['by'], path: string | ((things: Things) => string), body?: unknown): Route => ({
  scopes: ['admin'],
  token: false,
  by,
  request: (things) => ({ path: typeof path === 'string' ? path : path(things), body }),
});

const one = ({ webhook }: Things): string => `/v1/webhooks/${webhook}`;

/** The rules of webhooks: all of them are the administrator's. */
export const WEBHOOK_ROUTES: Record<string, Route> = {
  'GET /v1/webhooks': admin('nothing', '/v1/webhooks'),
  // An address, so that no name is looked up; disabled, so that nothing goes there.
  'POST /v1/webhooks': admin('nothing', '/v1/webhooks', { url: 'https://8.8.8.8/hook', enabled: false }),
  'GET /v1/webhooks/{id}': admin('id', one),
  'PATCH /v1/webhooks/{id}': admin('id', one, { description: 'changed by a test' }),
  'DELETE /v1/webhooks/{id}': admin('id', one),
  'POST /v1/webhooks/{id}/rotate-secret': admin('id', (things) => `${one(things)}/rotate-secret`, {}),
  'POST /v1/webhooks/{id}/test': admin('id', (things) => `${one(things)}/test`),
  'GET /v1/webhooks/{id}/deliveries': admin('id', (things) => `${one(things)}/deliveries`),
  'GET /v1/webhooks/{id}/deliveries/{delivery_id}': admin(
    'id',
    (things) => `${one(things)}/deliveries/${things.delivery}`,
  ),
  'GET /v1/webhooks/dead-letters': admin('nothing', '/v1/webhooks/dead-letters'),
  'POST /v1/webhooks/dead-letters/replay': admin('nothing', '/v1/webhooks/dead-letters/replay', {}),
};

/**
 * A webhook with a dead letter, of the account that has this API key. Straight into the tables: an account may not have
 * as many as the tests make. Its address is one that no request is ever sent to (RFC 5737).
 */
export async function aWebhookWithDelivery(
  node: TestNode,
  keyId: string,
): Promise<Pick<Things, 'webhook' | 'delivery'>> {
  const [row] = await node.query(
    `WITH endpoint AS (
       INSERT INTO webhook_endpoints (id, account_id, url, description, events, secret, enabled)
       SELECT 'whk_' || md5(random()::text), account_id, 'https://192.0.2.1/', 'of a test', '{message.received}', 'whsec_AAAA', false
       FROM api_keys WHERE id = $1 RETURNING id, account_id)
     INSERT INTO webhook_deliveries (account_id, endpoint_id, event, state, queued, created_at, tried_since, finished_at)
     SELECT account_id, id, 'webhook.test', 'dead', true, now(), now(), now() FROM endpoint
     RETURNING id AS delivery, endpoint_id AS webhook`,
    [keyId],
  );
  return row;
}
