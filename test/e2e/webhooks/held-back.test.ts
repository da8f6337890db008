import { eventually } from '../../support/eventually.js';
import { aUser, type TestNode } from '../../support/node.js';
import { type Receiver, startReceiver } from '../../support/webhook-receiver.js';
import { aWebhook, deliveriesOf, deliveryOf, startWebhookNode } from './webhook-node.js';

/** The first failure opens the breaker for longer than anything is retried. */
const IMPATIENT = {
  WEBHOOK_RETRY_FOR_MS: '2000',
  WEBHOOK_BREAKER_FAILURES: '1',
  WEBHOOK_BREAKER_MS: '600000',
};

let node: TestNode;
let receiver: Receiver;

beforeAll(async () => void (node = await startWebhookNode(IMPATIENT)));
afterAll(() => node.stop());
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(() => receiver.close());

const inState = (id: string, deliveryId: string, state: string): Promise<any> =>
  eventually(async () => {
    const found = await deliveryOf(node, id, deliveryId);
    expect(found).toMatchObject({ state });
    return found;
  });

const replay = (deliveryId: string): Promise<any> =>
  node.ok('POST', '/v1/webhooks/dead-letters/replay', { delivery_ids: [deliveryId] });

const breakerOf = async (id: string): Promise<any> =>
  (await node.query('SELECT breaker_opens, breaker_until FROM webhook_endpoints WHERE id = $1', [id]))[0];

/** A webhook whose breaker is open, and a delivery that was recorded since then: its log says why it waits. */
async function heldBack(): Promise<{ id: string; first: string; waiting: string; until: string }> {
  receiver.behave(() => ({ status: 500 }));
  const { id } = await aWebhook(node, receiver.url);
  await node.receive(aUser(), 'opens the breaker');
  const until = await eventually(async () => {
    const webhook = await node.ok('GET', `/v1/webhooks/${id}`);
    expect(webhook.breaker_open_until).not.toBeNull();
    return webhook.breaker_open_until as string;
  });
  await node.receive(aUser(), 'waits');
  const [waiting, first] = await eventually(async () => {
    const deliveries = await deliveriesOf(node, id);
    expect(deliveries).toHaveLength(2);
    const held = `held back: the circuit breaker of the endpoint is open until ${until}`;
    expect(deliveries[0]).toMatchObject({ state: 'pending', attempts: 0, last_error: held });
    return deliveries;
  });
  return { id, first: first.id, waiting: waiting.id, until };
}

it('what an open breaker holds back is tried when its time is over, before it is given up', async () => {
  const { id, first, waiting, until } = await heldBack();
  const last_error = `answered 500; the circuit breaker of the endpoint is open until ${until}`;
  expect(await inState(id, waiting, 'dead')).toMatchObject({ attempts: 1, last_status: 500, last_error });
  expect(await inState(id, first, 'dead')).toMatchObject({ attempts: 2, last_error });
  // These were no probes: the breaker opens again when it would have.
  expect(await breakerOf(id)).toEqual({ breaker_opens: 1, breaker_until: new Date(until) });
});

it('a replay is tried, also while the breaker is open, and closes it when it is delivered', async () => {
  const { id, waiting } = await heldBack();
  await inState(id, waiting, 'dead');
  expect(await replay(waiting)).toMatchObject({ replayed: 1 });
  const again = await eventually(async () => {
    const found = await deliveryOf(node, id, waiting);
    expect(found).toMatchObject({ state: 'dead', attempts: 2 });
    return found;
  });
  expect(again.attempt_log).toHaveLength(2);
  receiver.behave(() => ({}));
  await replay(waiting);
  expect(await inState(id, waiting, 'delivered')).toMatchObject({ attempts: 3, last_error: null });
  expect(await breakerOf(id)).toEqual({ breaker_opens: 0, breaker_until: null });
});

it('a replay is the probe of a breaker that is half open', async () => {
  const { id, first, waiting } = await heldBack();
  await inState(id, first, 'dead');
  await inState(id, waiting, 'dead');
  await node.query(
    "UPDATE webhook_endpoints SET breaker_until = clock_timestamp() - interval '1 ms' WHERE id = $1",
    [id],
  );
  await replay(waiting);
  await eventually(async () => expect((await breakerOf(id)).breaker_opens).toBe(2));
});

it('a test of a webhook that is disabled is tried once, at once, though its breaker is open', async () => {
  const { id, first, waiting } = await heldBack();
  await node.ok('PATCH', `/v1/webhooks/${id}`, { enabled: false });
  await inState(id, first, 'dead');
  await inState(id, waiting, 'dead');
  const { id: test } = await node.ok('POST', `/v1/webhooks/${id}/test`);
  expect(await inState(id, test, 'dead')).toMatchObject({ attempts: 1, last_error: 'answered 500' });
  receiver.behave(() => ({}));
  const { id: better } = await node.ok('POST', `/v1/webhooks/${id}/test`);
  expect(await inState(id, better, 'delivered')).toMatchObject({ attempts: 1 });
});
