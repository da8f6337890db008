import { startTestNode, type TestNode } from '../../support/node.js';

/** Everything soon: targets on this machine, retries and polls every few milliseconds. */
export const SOON = {
  WEBHOOK_ALLOW_PRIVATE_TARGETS: 'on',
  WEBHOOK_RETRY_BASE_MS: '20',
  WEBHOOK_POLL_INTERVAL_MS: '50',
};

export const startWebhookNode = (env: Record<string, string> = {}): Promise<TestNode> =>
  startTestNode({ ...SOON, ...env });

/** A webhook of the account `default`, with its secret. */
export function aWebhook(node: TestNode, url: string, wishes: object = {}): Promise<any> {
  return node.ok('POST', '/v1/webhooks', { url, ...wishes });
}

/** The delivery log of a webhook, newest first. */
export async function deliveriesOf(node: TestNode, id: string): Promise<any[]> {
  return (await node.ok('GET', `/v1/webhooks/${id}/deliveries`)).deliveries;
}

/** One delivery with its attempts. */
export function deliveryOf(node: TestNode, id: string, deliveryId: string): Promise<any> {
  return node.ok('GET', `/v1/webhooks/${id}/deliveries/${deliveryId}`);
}
