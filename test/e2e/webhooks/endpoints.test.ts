import { eventually } from '../../support/eventually.js';
import { aUser, startTestNode, type TestNode } from '../../support/node.js';
import { startReceiver } from '../../support/webhook-receiver.js';
import { aWebhook, deliveriesOf, deliveryOf } from './webhook-node.js';

/** A server as it is without configuration: no target on this machine is allowed. */
let node: TestNode;

beforeAll(async () => {
  node = await startTestNode({ MAX_WEBHOOKS_PER_ACCOUNT: '3', WEBHOOK_POLL_INTERVAL_MS: '50' });
});
afterAll(() => node.stop());
afterEach(async () => {
  for (const { id } of (await node.ok('GET', '/v1/webhooks')).webhooks)
    await node.ok('DELETE', `/v1/webhooks/${id}`);
});

const PUBLIC = 'https://8.8.8.8/hook';
const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('A webhook', () => {
  it('is made, listed, read, changed and deleted; its secret is shown when it is made, and never again', async () => {
    const { secret, ...made } = await aWebhook(node, PUBLIC, { enabled: false, agent_id: 'bot' });
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(made).toEqual({
      id: expect.stringMatching(/^whk_/),
      url: PUBLIC,
      description: '',
      events: ['message.received'],
      agent_id: 'bot',
      agent_session_prefix: null,
      platform_user_prefix: null,
      enabled: false,
      disabled_reason: null,
      consecutive_failures: 0,
      breaker_open_until: null,
      previous_secret_expires_at: null,
      created_at: expect.any(String),
    });
    expect(await node.ok('GET', '/v1/webhooks')).toEqual({ webhooks: [made] });
    expect(await node.ok('GET', `/v1/webhooks/${made.id}`)).toEqual(made);
    const change = { description: 'new', agent_id: null, agent_session_prefix: 'a-' };
    const changed = { ...made, ...change };
    expect(await node.ok('PATCH', `/v1/webhooks/${made.id}`, change)).toEqual(changed);
    expect(await node.ok('PATCH', `/v1/webhooks/${made.id}`, {})).toEqual(changed);
    const path = `/v1/webhooks/${made.id}`;
    expect(await node.ok('DELETE', path)).toEqual({ id: made.id, deleted: true });
    for (const method of ['GET', 'DELETE']) expect((await node.call(method, path)).status).toBe(404);
    expect(await node.ok('GET', '/v1/webhooks')).toEqual({ webhooks: [] });
  });

  it('beyond the limit of the account is refused, also when many come at once', async () => {
    const wish = { url: PUBLIC, enabled: false };
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => node.call('POST', '/v1/webhooks', wish)),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 201, 409, 409, 409, 409, 409]);
    expect(answers.find(({ status }) => status === 409)!.body.error).toMatchObject({
      code: 'resource_conflict',
      details: { limit: 3 },
    });
  });

  it.each<[object, string]>([
    [{}, 'url'],
    [{ url: 7 }, 'url'],
    [{ url: '' }, 'url'],
    [{ url: 'ftp://8.8.8.8' }, 'url'],
    [{ url: `https://8.8.8.8/${'x'.repeat(2048)}` }, 'url'],
    [{ url: PUBLIC, events: [] }, 'events'],
    [{ url: PUBLIC, events: ['message.sent'] }, 'events'],
    [{ url: PUBLIC, enabled: 'yes' }, 'enabled'],
    [{ url: PUBLIC, agent_id: '' }, 'agent_id'],
    [{ url: PUBLIC, platform_user_prefix: 'x'.repeat(256) }, 'platform_user_prefix'],
    [{ url: PUBLIC, secret: 'mine' }, 'secret'],
  ])('with %j is refused for its %s', async (wish, field) => {
    const { status, body } = await node.call('POST', '/v1/webhooks', wish);
    expect(status).toBe(422);
    expect(Object.keys(body.error.details.fields)).toEqual([field]);
  });

  it.each([
    ['is nonsense', 'nonsense'],
    ['has a year of six digits', encoded(['+099999-01-01T00:00:00.000Z', 'whd_1'])],
    ['has a year before the first', encoded(['-000001-01-01T00:00:00.000Z', 'whd_1'])],
    ['has the year 0', encoded(['0000-01-01T00:00:00.000Z', 'whd_1'])],
  ])('a cursor that %s is refused', async (_, cursor) => {
    const { status, body } = await node.call('GET', `/v1/webhooks/dead-letters?cursor=${cursor}`);
    expect([status, Object.keys(body.error.details.fields)]).toEqual([422, ['cursor']]);
  });
});

describe('A target that is not of the public internet', () => {
  it.each([
    'http://127.0.0.1:3000/',
    'http://localhost/',
    'http://[::1]/',
    'http://10.0.0.1/',
    'http://169.254.169.254/latest/meta-data/',
    'http://[::ffff:127.0.0.1]/',
    'http://2130706433/',
    'https://user:password@8.8.8.8/',
  ])('%s is refused, for a new webhook and for a present one', async (url) => {
    const refused = {
      status: 422,
      body: { error: { code: 'invalid_parameter', details: { fields: { url: [expect.any(String)] } } } },
    };
    const answer = await node.call('POST', '/v1/webhooks', { url });
    expect(answer).toMatchObject(refused);
    if (!url.includes('@')) expect(answer.body.error.message).toContain('WEBHOOK_ALLOW_PRIVATE_TARGETS=on');
    const { id } = await aWebhook(node, PUBLIC, { enabled: false });
    expect(await node.call('PATCH', `/v1/webhooks/${id}`, { url })).toMatchObject(refused);
  });

  it.each(['127.0.0.1', 'localhost'])(
    'is judged again for each connection: what has become %s gets nothing',
    async (host) => {
      const receiver = await startReceiver();
      const { id } = await aWebhook(node, PUBLIC, { enabled: false });
      // As if the name had led elsewhere when the webhook was made.
      const url = receiver.url.replace('127.0.0.1', host);
      await node.query('UPDATE webhook_endpoints SET url = $2 WHERE id = $1', [id, url]);
      const { id: deliveryId } = await node.ok('POST', `/v1/webhooks/${id}/test`);
      const detail = await eventually(async () => {
        const found = await deliveryOf(node, id, deliveryId);
        expect(found.attempts).toBeGreaterThanOrEqual(1);
        return found;
      });
      expect(detail.attempt_log[0]).toMatchObject({
        status: null,
        error: 'the target must not lead to a private, loopback or otherwise reserved address',
        response: null,
      });
      expect(receiver.requests).toEqual([]);
      await receiver.close();
    },
  );
});

it('deleting a webhook deletes its deliveries, and nothing more comes of them', async () => {
  const { id } = await aWebhook(node, PUBLIC);
  await node.query("UPDATE webhook_endpoints SET url = 'http://127.0.0.1:9/' WHERE id = $1", [id]);
  await node.receive(aUser(), 'hello');
  expect(await deliveriesOf(node, id)).toHaveLength(1);
  await node.ok('DELETE', `/v1/webhooks/${id}`);
  await eventually(async () => {
    expect(await node.query('SELECT FROM webhook_deliveries WHERE endpoint_id = $1', [id])).toEqual([]);
    expect(await node.query('SELECT FROM webhook_attempts')).toEqual([]);
  });
});

it('a node without webhooks has no queue', async () => {
  const other = await startTestNode();
  await other.receive(aUser(), 'hello');
  expect(await other.query("SELECT to_regnamespace('pgboss') AS schema")).toEqual([{ schema: null }]);
  await other.stop();
});
