import { eventually } from '../../support/eventually.js';
import { aUser, type TestNode } from '../../support/node.js';
import { startServer, type TestServer } from '../../support/server.js';
import { type Receiver, startReceiver } from '../../support/webhook-receiver.js';
import { aWebhook, deliveriesOf, SOON, startWebhookNode } from './webhook-node.js';

const BREAKER = { ...SOON, WEBHOOK_BREAKER_FAILURES: '3', WEBHOOK_BREAKER_MS: '1000' };

let node: TestNode;
let second: TestServer;
let receiver: Receiver;

beforeAll(async () => {
  node = await startWebhookNode(BREAKER);
  second = await startServer({
    databaseUrl: node.database.url,
    env: { RATE_LIMIT_PER_HOUR: '0', ...BREAKER },
  });
});
afterAll(async () => {
  await second.stop();
  await node.stop();
});
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(() => receiver.close());

/** Until when the breaker of a webhook is open, once it is. */
const openUntil = (id: string): Promise<number> =>
  eventually(
    async () => {
      const { breaker_open_until: until } = await node.ok('GET', `/v1/webhooks/${id}`);
      expect(until).not.toBeNull();
      return Date.parse(until);
    },
    { everyMs: 5 },
  );

it('after so many failures in a row an endpoint is left alone, by all nodes; then one probe at a time finds it back', async () => {
  let answer: () => void = () => undefined;
  const gate = new Promise<void>((open) => (answer = open));
  let atOnce = 0;
  let most = 0;
  receiver.behave(async () => {
    if (receiver.requests.length <= 3) return { status: 500 };
    most = Math.max(most, ++atOnce);
    await gate; // the probe is slow
    atOnce--;
    return {};
  });
  const { id } = await aWebhook(node, receiver.url);
  const user = aUser();
  await node.receive(user, 'first');
  const until = await openUntil(id);
  const waiting = Array.from({ length: 20 }, (_, index) => node.receive(user, `${index}`));
  await Promise.all(waiting);

  // Half open: while the probe is under way, nobody else tries.
  await eventually(async () => {
    expect(receiver.requests.length).toBeGreaterThan(3);
    const [{ postponed }] = await node.query(
      'SELECT count(*)::int AS postponed FROM webhook_deliveries WHERE endpoint_id = $1 AND next_attempt_at IS NOT NULL',
      [id],
    );
    expect(postponed).toBeGreaterThanOrEqual(waiting.length);
  });
  expect([most, receiver.requests.length]).toEqual([1, 4]);
  answer();
  await eventually(async () => {
    const states = (await deliveriesOf(node, id)).map(({ state }) => state);
    expect(states).toEqual(Array.from({ length: 21 }, () => 'delivered'));
  });
  const attempts = await node.query(
    `SELECT a.started_at, a.status FROM webhook_attempts a JOIN webhook_deliveries d ON d.id = a.delivery_id
     WHERE d.endpoint_id = $1 ORDER BY a.started_at`,
    [id],
  );
  expect(attempts.map(({ status }) => status)).toEqual([
    500,
    500,
    500,
    ...Array.from({ length: 21 }, () => 200),
  ]);
  for (const { started_at: time } of attempts.slice(3)) expect(time.getTime()).toBeGreaterThanOrEqual(until);
  expect(await node.ok('GET', `/v1/webhooks/${id}`)).toMatchObject({
    breaker_open_until: null,
    consecutive_failures: 0,
  });
});

it('a probe that fails opens it for longer', async () => {
  receiver.behave(() => ({ status: 500 }));
  const { id } = await aWebhook(node, receiver.url);
  await node.receive(aUser(), 'first');
  await openUntil(id);
  await eventually(() => Promise.resolve(expect(receiver.requests.length).toBeGreaterThanOrEqual(4)));
  await eventually(async () => {
    const [row] = await node.query('SELECT breaker_opens, failures FROM webhook_endpoints WHERE id = $1', [
      id,
    ]);
    expect(row).toEqual({ breaker_opens: 2, failures: 4 });
  });
  const [{ open }] = await node.query(
    `SELECT extract(epoch FROM e.breaker_until - a.started_at) * 1000 AS open
     FROM webhook_endpoints e JOIN webhook_deliveries d ON d.endpoint_id = e.id JOIN webhook_attempts a ON a.delivery_id = d.id
     WHERE e.id = $1 ORDER BY a.attempt DESC LIMIT 1`,
    [id],
  );
  expect(Number(open)).toBeGreaterThanOrEqual(2000);
  await node.ok('DELETE', `/v1/webhooks/${id}`);
});

it('a new URL closes it', async () => {
  receiver.behave(() => ({ status: 500 }));
  const { id } = await aWebhook(node, receiver.url);
  await node.receive(aUser(), 'first');
  await openUntil(id);
  receiver.behave(() => ({}));
  const moved = await node.ok('PATCH', `/v1/webhooks/${id}`, { url: `${receiver.url}/new` });
  expect(moved).toMatchObject({ breaker_open_until: null, consecutive_failures: 0 });
  const { id: test } = await node.ok('POST', `/v1/webhooks/${id}/test`);
  await eventually(() =>
    Promise.resolve(expect(receiver.requests.map(({ headers }) => headers['webhook-id'])).toContain(test)),
  );
});
