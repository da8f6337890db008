import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../../support/eventually.js';
import { aUser } from '../../support/node.js';
import { startReceiver } from '../../support/webhook-receiver.js';
import { aWebhook, deliveriesOf, startWebhookNode } from './webhook-node.js';

/** More than a second: from then on its endpoint counts as slow. */
const SLOW_MS = 1100;

it('an endpoint that is slow gets half of the slots at most: the others are delivered meanwhile', async () => {
  const node = await startWebhookNode({ WEBHOOK_CONCURRENCY: '4', WEBHOOK_TIMEOUT_MS: '30000' });
  const [slow, quick] = [await startReceiver(), await startReceiver()];
  try {
    const slowOne = await aWebhook(node, slow.url, { platform_user_prefix: 'slow-' });
    await aWebhook(node, quick.url, { platform_user_prefix: 'quick-' });
    slow.behave(async () => (await delay(SLOW_MS), {}));
    await node.receive(`slow-${aUser()}`, 'shows how slow it is');
    await eventually(async () => {
      expect(await deliveriesOf(node, slowOne.id)).toMatchObject([{ state: 'delivered' }]);
    });

    let open: () => void = () => undefined;
    const gate = new Promise<void>((opened) => (open = opened));
    let atOnce = 0;
    let most = 0;
    slow.behave(async () => {
      most = Math.max(most, ++atOnce);
      await gate;
      return {};
    });
    const users = Array.from({ length: 12 }, aUser);
    for (const user of users) await node.receive(`slow-${user}`, 'waits');
    await eventually(() => expect(atOnce).toBe(2));
    for (const user of users) await node.receive(`quick-${user}`, 'passes');
    await eventually(() => expect(quick.requests).toHaveLength(users.length));
    expect([atOnce, most]).toEqual([2, 2]);
    open();
  } finally {
    await node.stop();
    await Promise.all([slow.close(), quick.close()]);
  }
});
