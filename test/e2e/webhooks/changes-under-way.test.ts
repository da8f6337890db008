import { eventually } from '../../support/eventually.js';
import { aUser, type TestNode } from '../../support/node.js';
import { type Receiver, type Reply, startReceiver } from '../../support/webhook-receiver.js';
import { aWebhook, deliveriesOf, startWebhookNode } from './webhook-node.js';

/** Attempts that end at the moment in which their endpoint is changed. */
const AT_ONCE = 8;
const ROUNDS = 10;

let node: TestNode;
const receivers: Receiver[] = [];

beforeAll(async () => void (node = await startWebhookNode({ WEBHOOK_BREAKER_FAILURES: '1000' })));
afterAll(async () => {
  await node.stop();
  await Promise.all(receivers.map((one) => one.close()));
});

/** A webhook whose receiver has so many requests of it and answers none, until it is told to. */
async function withRequestsUnderWay(reply: Reply): Promise<{ id: string; answer: () => void }> {
  const receiver = await startReceiver();
  receivers.push(receiver);
  let answer = (): void => undefined;
  const told = new Promise<Reply>((resolve) => (answer = () => resolve(reply)));
  receiver.behave(() => told);
  const { id } = await aWebhook(node, receiver.url);
  await Promise.all(Array.from({ length: AT_ONCE }, () => node.receive(aUser(), 'hello')));
  await eventually(() => expect(receiver.requests.length).toBe(AT_ONCE));
  return { id, answer };
}

/** Transactions that PostgreSQL ended because they waited for one another, as far as it has counted them: every second. */
async function deadlocks(): Promise<number> {
  const counted = 'SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()';
  return (await node.query(counted))[0].deadlocks;
}

it.each([
  ['deleted', 'DELETE', undefined, { status: 500 }],
  ['disabled', 'PATCH', { enabled: false }, { status: 500 }],
  ['disabled by its user and by itself', 'PATCH', { enabled: false }, { status: 410 }],
])('A webhook can be %s while attempts end', async (_, method, body, reply) => {
  for (let round = 0; round < ROUNDS; round++) {
    const { id, answer } = await withRequestsUnderWay(reply);
    const path = `/v1/webhooks/${id}`;
    answer();
    await node.ok(method, path, body);
    if (method === 'DELETE') continue;
    await eventually(async () => {
      const states = (await deliveriesOf(node, id)).map(({ state }) => state);
      expect(states).toEqual(Array.from({ length: AT_ONCE }, () => 'dead'));
    });
    await node.ok('DELETE', path);
  }
  expect(await deadlocks()).toBe(0);
});
