import { aMessage, startLogNode } from '../../support/log-node.js';
import { eventually } from '../../support/eventually.js';
import { aUser, type TestNode } from '../../support/node.js';
import { startServer, type TestServer } from '../../support/server.js';
import { type Receiver, startReceiver } from '../../support/webhook-receiver.js';
import { aWebhook, deliveriesOf, SOON, startWebhookNode } from './webhook-node.js';

let node: TestNode;
let receiver: Receiver;

beforeEach(async () => {
  receiver = await startReceiver();
  node = await startWebhookNode({ WEBHOOK_TIMEOUT_MS: '1000' });
});
afterEach(async () => {
  await end(node);
  await receiver.close();
});

/** Of a node that the test itself has ended, the database is left. */
const end = (of: TestNode): Promise<void> => (of.server.hasEnded() ? of.database.drop() : of.stop());

/** A patience for what takes a while on a machine that has other things to do. */
const LOADED = { timeoutMs: 20_000 };

const another = (): Promise<TestServer> =>
  startServer({
    databaseUrl: node.database.url,
    env: { RATE_LIMIT_PER_HOUR: '0', ...SOON, WEBHOOK_TIMEOUT_MS: '1000' },
  });

it('a node that is killed in the middle of a request leaves its job to another, which delivers it', async () => {
  receiver.behave(() => new Promise(() => undefined));
  const { id } = await aWebhook(node, receiver.url);
  const message = await node.receive(aUser(), 'hello');
  await eventually(() => Promise.resolve(expect(receiver.requests).toHaveLength(1)));
  await node.server.kill();
  receiver.behave(() => ({}));
  const other = await another();
  try {
    const again = await eventually(
      () => {
        expect(receiver.requests).toHaveLength(2);
        return Promise.resolve(receiver.requests[1]!);
      },
      { timeoutMs: 40_000 },
    );
    expect(again.body.data.message.id).toBe(message.id);
    expect(again.headers['webhook-id']).toBe(receiver.requests[0]!.headers['webhook-id']);
    await eventually(async () => {
      const rows = await node.query('SELECT state, attempts FROM webhook_deliveries WHERE endpoint_id = $1', [
        id,
      ]);
      expect(rows).toEqual([{ state: 'delivered', attempts: 1 }]);
    });
    expect(await node.query("SELECT FROM pgboss.job WHERE name = 'webhook-deliveries'")).toEqual([]);
  } finally {
    await other.stop();
  }
});

it('a node that is stopped gives back a request that takes too long, and the next one makes it at once', async () => {
  const patient = await startWebhookNode({ WEBHOOK_TIMEOUT_MS: '60000' }); // a job that is not given back is not taken for so long
  try {
    receiver.behave(() => new Promise(() => undefined));
    await aWebhook(patient, receiver.url);
    await patient.receive(aUser(), 'hello');
    await eventually(() => Promise.resolve(expect(receiver.requests).toHaveLength(1)));
    expect(await patient.server.stop()).toBe(0);
    expect(await patient.query('SELECT state, attempts FROM webhook_deliveries')).toEqual([
      { state: 'pending', attempts: 0 },
    ]);
    receiver.behave(() => ({}));
    const next = await startServer({ databaseUrl: patient.database.url, env: SOON });
    await eventually(async () => {
      expect(await patient.query('SELECT state, attempts FROM webhook_deliveries')).toEqual([
        { state: 'delivered', attempts: 1 },
      ]);
    });
    await next.stop();
  } finally {
    await end(patient);
  }
});

it('deliveries that a node recorded, and died before it queued them, are found by the others', async () => {
  const { id } = await aWebhook(node, receiver.url);
  const [{ account_id: account }] = await node.query(
    'SELECT account_id FROM webhook_endpoints WHERE id = $1',
    [id],
  );
  const log = await startLogNode(node.database.url); // it appends, and has nobody who queues
  try {
    log.subscriptions.replace([account]);
    const texts = Array.from({ length: 600 }, (_, index) => `message ${index}`);
    await Promise.all(
      texts.map((content, index) =>
        log.appender.append(account, `user-${index % 7}`, aMessage({ content, sender: 'user' })),
      ),
    );
    await eventually(() => {
      const heard = receiver.requests.map(({ body }) => body.data.message.payload.content);
      expect(heard.sort()).toEqual(texts.sort());
      return Promise.resolve();
    }, LOADED);
  } finally {
    await log.close();
  }
});

it('nodes that start together on a database without a queue make one, and each message is delivered once', async () => {
  const others = await Promise.all(Array.from({ length: 3 }, another));
  try {
    const { id } = await aWebhook(node, receiver.url); // all of them find it, and make the queue at the same time
    const users = Array.from({ length: 30 }, aUser);
    await Promise.all(users.map((user) => node.receive(user, 'hello')));
    await eventually(async () => {
      const states = (await deliveriesOf(node, id)).map(({ state }) => state);
      expect(states).toEqual(users.map(() => 'delivered'));
    }, LOADED);
    const heard = receiver.requests.map(({ body }) => body.data.message.platform_user_id);
    expect(heard.sort()).toEqual(users.sort());
    for (const { output } of [node.server, ...others]) expect(output()).not.toMatch(/"level":50/);
  } finally {
    await Promise.all(others.map((other) => other.stop()));
  }
});
