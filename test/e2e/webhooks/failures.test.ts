import { eventually } from '../../support/eventually.js';
import { aUser, type TestNode } from '../../support/node.js';
import { type Receiver, startReceiver } from '../../support/webhook-receiver.js';
import { aWebhook, deliveriesOf, deliveryOf, startWebhookNode } from './webhook-node.js';

let node: TestNode;
let receiver: Receiver;
const made: string[] = [];

beforeAll(async () => {
  // The breaker stays out of it: it has its own tests.
  node = await startWebhookNode({
    WEBHOOK_TIMEOUT_MS: '500',
    WEBHOOK_RETRY_FOR_MS: '2000',
    WEBHOOK_BREAKER_FAILURES: '1000',
  });
});
afterAll(() => node.stop());
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(async () => {
  for (const id of made.splice(0)) await node.ok('DELETE', `/v1/webhooks/${id}`);
  await receiver.close();
});

async function webhook(wishes: object = {}, url = receiver.url): Promise<any> {
  const created = await aWebhook(node, url, wishes);
  made.push(created.id);
  return created;
}

/** The one delivery of a webhook with its attempts, when it is in that state. */
const delivery = (id: string, state: string): Promise<any> =>
  eventually(async () => {
    const [only] = await deliveriesOf(node, id);
    expect(only).toMatchObject({ state });
    return deliveryOf(node, id, only.id);
  });

it('what fails is retried until it succeeds, under the same id, and every attempt is in the log', async () => {
  const answers = [{ status: 500, body: 'no' }, { status: 404 }, { status: 200, body: 'ok' }];
  receiver.behave(() => answers.shift() ?? {});
  const { id } = await webhook();
  await node.receive(aUser(), 'hello');
  const found = await delivery(id, 'delivered');
  expect(found.attempt_log).toMatchObject([
    { attempt: 1, status: 500, error: 'answered 500', response: 'no' },
    { attempt: 2, status: 404, error: 'answered 404', response: '' },
    { attempt: 3, status: 200, error: null, response: 'ok' },
  ]);
  expect(found).toMatchObject({ attempts: 3, last_status: 200, last_error: null });
  const ids = receiver.requests.map(({ headers }) => headers['webhook-id']);
  expect(ids).toEqual([found.id, found.id, found.id]);
});

it('Retry-After is kept to: nothing is tried before', async () => {
  receiver.behave(() => ({ status: 503, headers: { 'retry-after': '1000' } }));
  const { id } = await webhook();
  const patient = await deliveryAfterOneAttempt(id);
  // Beyond the two seconds for which this server tries at all.
  expect(patient).toMatchObject({ state: 'dead', attempts: 1, last_error: 'answered 503' });

  const other = await webhook({ description: 'asks for a second' });
  const answers = [{ status: 429, headers: { 'retry-after': '1' } }];
  receiver.behave(() => answers.shift() ?? {});
  await node.receive(aUser(), 'hello');
  const [first, second] = (await delivery(other.id, 'delivered')).attempt_log;
  expect(Date.parse(second.started_at) - Date.parse(first.started_at)).toBeGreaterThanOrEqual(1000);
});

async function deliveryAfterOneAttempt(id: string): Promise<any> {
  await node.receive(aUser(), 'hello');
  const found = await delivery(id, 'dead');
  await node.ok('PATCH', `/v1/webhooks/${id}`, { enabled: false });
  return found;
}

it('a redirect is not followed', async () => {
  const elsewhere = await startReceiver();
  receiver.behave(() => ({ status: 307, headers: { location: elsewhere.url } }));
  const { id } = await webhook();
  await node.receive(aUser(), 'hello');
  expect(await delivery(id, 'dead')).toMatchObject({ last_status: 307, last_error: 'answered 307' });
  expect(elsewhere.requests).toEqual([]);
  await elsewhere.close();
});

it('an endpoint that does not answer in time has failed', async () => {
  receiver.behave(({ headers }) => (headers['webhook-id'] ? new Promise(() => undefined) : {}));
  const { id } = await webhook();
  await node.receive(aUser(), 'hello');
  const found = await delivery(id, 'dead');
  expect(found.attempt_log[0]).toMatchObject({
    status: null,
    error: 'no answer within 500 ms',
    response: null,
  });
});

it('of a long answer the beginning is kept, and the rest is not waited for', async () => {
  receiver.behave(() => ({ body: `${'x'.repeat(2000)}${'y'.repeat(3_000_000)}` }));
  const { id } = await webhook();
  await node.receive(aUser(), 'hello');
  const { attempt_log: log } = await delivery(id, 'delivered');
  expect(log[0].response).toBe('x'.repeat(1024));
});

it('an endpoint that is not there has failed, and says so', async () => {
  const gone = await startReceiver();
  await gone.close();
  const { id } = await webhook({}, gone.url);
  await node.receive(aUser(), 'hello');
  expect((await delivery(id, 'dead')).last_error).toMatch(/ECONNREFUSED/);
});

it('410 disables the webhook, and makes dead letters of all that waits', async () => {
  const { id } = await webhook();
  receiver.behave(() => ({ status: 500, headers: { 'retry-after': '1' } }));
  await node.receive(aUser(), 'first');
  await eventually(() => Promise.resolve(expect(receiver.requests).toHaveLength(1)));
  receiver.behave(() => ({ status: 410 }));
  await node.receive(aUser(), 'second');
  await eventually(async () => {
    expect(await node.ok('GET', `/v1/webhooks/${id}`)).toMatchObject({
      enabled: false,
      disabled_reason: 'it answered 410 Gone',
    });
  });
  expect((await deliveriesOf(node, id)).map(({ state }) => state)).toEqual(['dead', 'dead']);
  await node.receive(aUser(), 'third');
  expect(await deliveriesOf(node, id)).toHaveLength(2);
});

describe('Dead letters', () => {
  it('are listed, and replayed one by one or all, from the beginning of the schedule on', async () => {
    receiver.behave(() => ({ status: 500 }));
    const { id } = await webhook();
    const user = aUser();
    for (const text of ['one', 'two', 'three']) await node.receive(user, text);
    const dead = await eventually(async () => {
      const { deliveries } = await node.ok('GET', `/v1/webhooks/dead-letters?webhook_id=${id}`);
      expect(deliveries).toHaveLength(3);
      return deliveries;
    });
    receiver.requests.length = 0;
    receiver.behave(() => ({}));

    const one = { delivery_ids: [dead[1].id], webhook_id: id };
    expect(await node.ok('POST', '/v1/webhooks/dead-letters/replay', one)).toEqual({
      replayed: 1,
      more: false,
    });
    await eventually(async () => expect((await deliveryOf(node, id, dead[1].id)).state).toBe('delivered'));
    expect(receiver.requests.map(({ headers }) => headers['webhook-id'])).toEqual([dead[1].id]);

    expect(await node.ok('POST', '/v1/webhooks/dead-letters/replay', {})).toMatchObject({ more: false });
    await eventually(async () => {
      const states = (await deliveriesOf(node, id)).map(({ state }) => state);
      expect(states).toEqual(['delivered', 'delivered', 'delivered']);
    });
    const { attempt_log: log } = await deliveryOf(node, id, dead[0].id);
    expect(log.at(-1)).toMatchObject({ attempt: log.length, status: 200 });
    expect(log.length).toBeGreaterThan(1);
  });

  it('of a webhook that is disabled stay; what was pending becomes one, and is delivered when it is enabled again', async () => {
    const { id } = await webhook();
    receiver.behave(() => ({ status: 503, headers: { 'retry-after': '1' } }));
    await node.receive(aUser(), 'hello');
    await eventually(() => Promise.resolve(expect(receiver.requests).toHaveLength(1)));
    await node.ok('PATCH', `/v1/webhooks/${id}`, { enabled: false });
    const found = await delivery(id, 'dead');
    expect(found.last_error).toBe('the endpoint was disabled');
    const wish = { delivery_ids: [found.id] };
    expect(await node.ok('POST', '/v1/webhooks/dead-letters/replay', wish)).toEqual({
      replayed: 0,
      more: false,
    });
    receiver.behave(() => ({}));
    await node.ok('PATCH', `/v1/webhooks/${id}`, { enabled: true });
    expect(await node.ok('POST', '/v1/webhooks/dead-letters/replay', wish)).toEqual({
      replayed: 1,
      more: false,
    });
    expect((await delivery(id, 'delivered')).id).toBe(found.id);
  });

  it('are listed page by page', async () => {
    receiver.behave(() => ({ status: 410 }));
    const { id } = await webhook();
    const user = aUser();
    await node.receive(user, 'disables it');
    await delivery(id, 'dead');
    await node.ok('PATCH', `/v1/webhooks/${id}`, { enabled: true });
    receiver.behave(() => ({ status: 500, headers: { 'retry-after': '60' } }));
    for (let index = 0; index < 4; index++) await node.receive(user, `${index}`);
    await eventually(async () => {
      const { deliveries } = await node.ok('GET', `/v1/webhooks/dead-letters?webhook_id=${id}`);
      expect(deliveries).toHaveLength(5);
    });
    const { deliveries: all } = await node.ok('GET', `/v1/webhooks/dead-letters?webhook_id=${id}`);
    const paged = [];
    let query = `webhook_id=${id}&limit=2`;
    for (let pages = 0; pages < 3; pages++) {
      const page = await node.ok('GET', `/v1/webhooks/dead-letters?${query}`);
      paged.push(...page.deliveries);
      query = `webhook_id=${id}&limit=2&cursor=${page.next_cursor}`;
      expect(page.next_cursor === null).toBe(pages === 2);
    }
    expect(paged).toEqual(all);
  });
});
