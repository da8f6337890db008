import { Webhook } from 'standardwebhooks';
import { eventually } from '../../support/eventually.js';
import { aUser, type TestNode } from '../../support/node.js';
import { type Received, type Receiver, startReceiver } from '../../support/webhook-receiver.js';
import { aWebhook, deliveriesOf, deliveryOf, startWebhookNode } from './webhook-node.js';

let node: TestNode;
let receiver: Receiver;
const made: string[] = [];

beforeAll(async () => {
  node = await startWebhookNode();
});
afterAll(() => node.stop());
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(async () => {
  for (const id of made.splice(0)) await node.ok('DELETE', `/v1/webhooks/${id}`);
  await receiver.close();
});

async function webhook(wishes: object = {}): Promise<any> {
  const created = await aWebhook(node, receiver.url, wishes);
  made.push(created.id);
  return created;
}

/** The requests, when there are that many. */
const requests = (count: number): Promise<Received[]> =>
  eventually(() => {
    expect(receiver.requests.length).toBeGreaterThanOrEqual(count);
    return Promise.resolve(receiver.requests);
  });

/** What the reference implementation of Standard Webhooks makes of a request; it throws for a wrong signature. */
const verified = (secret: string, { text, headers }: Received): any =>
  new Webhook(secret).verify(text, headers);

it('a message of a user is posted, signed as the reference verifier of Standard Webhooks expects', async () => {
  const { id, secret } = await webhook();
  const user = aUser();
  const message = await node.receive(user, 'Where is my parcel? ✓', { metadata: { a: 1 } });
  const [request] = await requests(1);
  const event = verified(secret, request!);
  const session = await node.ok('GET', `/v1/sessions/${message.agent_session_id}`);
  expect(event).toEqual({
    type: 'message.received',
    timestamp: message.created_at,
    data: { message, session },
  });
  expect(request!.headers).toMatchObject({
    'content-type': 'application/json',
    'user-agent': expect.stringMatching(/^Parley/),
  });

  const [delivery] = await eventually(async () => {
    const all = await deliveriesOf(node, id);
    expect(all).toEqual([expect.objectContaining({ state: 'delivered' })]);
    return all;
  });
  expect(delivery).toMatchObject({
    id: request!.headers['webhook-id'],
    webhook_id: id,
    event: 'message.received',
    message_id: message.id,
    attempts: 1,
    last_status: 200,
    last_error: null,
  });
});

it('the reference verifier refuses another secret and another body', async () => {
  const { secret } = await webhook();
  await node.receive(aUser(), 'hello');
  const [request] = await requests(1);
  expect(() => verified(secret, { ...request!, text: `${request!.text} ` })).toThrow();
  expect(() => verified('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', request!)).toThrow();
});

it('while a secret is rotated, requests carry both signatures; after the grace period only the new one', async () => {
  const { id, secret: old } = await webhook();
  const rotated = await node.ok('POST', `/v1/webhooks/${id}/rotate-secret`, {});
  expect(rotated.secret).not.toBe(old);
  expect(rotated.previous_secret_expires_at).not.toBeNull();
  await node.receive(aUser(), 'both');
  const [both] = await requests(1);
  expect(verified(old, both!)).toEqual(verified(rotated.secret, both!));

  const last = await node.ok('POST', `/v1/webhooks/${id}/rotate-secret`, { grace_seconds: 0 });
  await node.receive(aUser(), 'one');
  const [, one] = await requests(2);
  expect(verified(last.secret, one!)).toMatchObject({ data: { message: { payload: { content: 'one' } } } });
  expect(() => verified(rotated.secret, one!)).toThrow();
  expect(() => verified(old, one!)).toThrow();
});

it('every message of users is delivered once, whatever statement wrote it; those of assistants are not', async () => {
  await webhook();
  const users = Array.from({ length: 5 }, aUser);
  const said = await Promise.all(
    users.flatMap((user) =>
      Array.from({ length: 6 }, async (_, index) => {
        if (index % 3 === 2) return [await node.send(user, 'answer')].slice(1);
        const session = index % 2 ? { agent_session_id: `session-${index}-of-${user}` } : {};
        return [(await node.receive(user, `${index}`, session)).id];
      }),
    ),
  );
  const ids = said.flat();
  await requests(ids.length);
  await node.receive(users[0]!, 'the last one'); // and nothing else before it
  await eventually(() => {
    expect(receiver.requests.at(-1)?.body.data.message.payload.content).toBe('the last one');
    return Promise.resolve();
  });
  const delivered = receiver.requests.slice(0, -1).map(({ body }) => body.data.message.id);
  expect(delivered.sort()).toEqual(ids.sort());
});

it('a repeat of a message is not delivered again', async () => {
  await webhook();
  const user = aUser();
  const first = await node.receive(user, 'once', { client_message_id: 'a' });
  await node.receive(user, 'once', { client_message_id: 'a' });
  await node.receive(user, 'then');
  await requests(2);
  expect(receiver.requests.map(({ body }) => body.data.message.payload.content).sort()).toEqual([
    'once',
    'then',
  ]);
  expect(receiver.requests.map(({ body }) => body.data.message.id)).toContain(first.id);
});

it('filters: the agent that the session is routed to, and how ids begin', async () => {
  const user = `tenant7:${aUser()}`;
  await node.ok('POST', '/v1/sessions', {
    platform_user_id: user,
    agent_session_id: `billing-${user}`,
    agent_id: 'bot',
  });
  const wishes = [
    { agent_id: 'bot' },
    { agent_id: 'other' },
    { agent_session_prefix: 'billing-' },
    { agent_session_prefix: 'Billing-' },
    { platform_user_prefix: 'tenant7:' },
    { platform_user_prefix: 'tenant77' },
    { agent_id: 'bot', agent_session_prefix: 'billing-', platform_user_prefix: 'tenant7:' },
    { agent_id: 'bot', agent_session_prefix: 'support-' },
    { enabled: false },
  ];
  const webhooks = [];
  for (const wish of wishes) webhooks.push(await webhook(wish));
  await node.receive(user, 'for some', { agent_session_id: `billing-${user}` });
  const counts = [];
  for (const { id } of webhooks) counts.push((await deliveriesOf(node, id)).length);
  expect(counts).toEqual([1, 0, 1, 0, 1, 0, 1, 0, 0]);
  await requests(4);
});

it('what is delivered is the message as it is now', async () => {
  let release: () => void = () => undefined;
  const gate = new Promise<void>((open) => (release = open));
  receiver.behave(async () => (await gate, { status: 500 }));
  await webhook();
  const message = await node.receive(aUser(), 'secret');
  await requests(1);
  await node.ok('DELETE', `/v1/messages/${message.id}`);
  receiver.behave(() => ({}));
  release();
  const [first, second] = await requests(2);
  expect(first!.body.data.message.payload.content).toBe('secret');
  expect(second!.body.data.message).toMatchObject({ id: message.id, deleted_at: expect.any(String) });
  expect(second!.text).not.toContain('secret');
  expect(second!.headers['webhook-id']).toBe(first!.headers['webhook-id']);
});

it('a test event goes to a webhook that is disabled, too, and shows in its log', async () => {
  const { id, secret } = await webhook({ enabled: false });
  receiver.behave(() => ({ status: 202, body: 'thank you\0' }));
  const { id: deliveryId } = await node.ok('POST', `/v1/webhooks/${id}/test`);
  const [request] = await requests(1);
  expect(verified(secret, request!)).toMatchObject({ type: 'webhook.test', data: { webhook_id: id } });
  const detail = await eventually(async () => {
    const found = await deliveryOf(node, id, deliveryId);
    expect(found.state).toBe('delivered');
    return found;
  });
  expect(detail.attempt_log).toEqual([
    {
      attempt: 1,
      started_at: expect.any(String),
      duration_ms: expect.any(Number),
      status: 202,
      error: null,
      response: 'thank you',
    },
  ]);
});
