import { aUser, cli, startTestNode, type TestNode } from '../../support/node.js';
import { documentedRoutes, methodOf, missingThings, ROUTES, someThings, type Things } from './routes.js';

let node: TestNode;
let other: string; // a key of the other account, with every scope
let theirs: Things; // what the first account has

beforeAll(async () => {
  node = await startTestNode();
  await cli(node.database.url, 'account', 'create', 'other');
  other = await cli(node.database.url, 'key', 'create', '--account', 'other');
  theirs = await someThings(node, aUser());
});
afterAll(() => node.stop());

const rules = Object.entries(ROUTES);
const byId = rules.filter(([, { by }]) => by === 'id');
const byUser = rules.filter(([, { by }]) => by === 'user');

/** Everything that the first account has, as the database has it. */
async function snapshot(): Promise<unknown[]> {
  const [account] = await node.query("SELECT id FROM accounts WHERE name = 'default'");
  const users = 'SELECT id FROM platform_users WHERE account_id = $1';
  const tables = [
    'SELECT * FROM platform_users WHERE account_id = $1 ORDER BY id',
    'SELECT * FROM api_keys WHERE account_id = $1 ORDER BY id',
    'SELECT * FROM sessions WHERE account_id = $1 ORDER BY agent_session_id',
    'SELECT * FROM token_revocations WHERE account_id = $1 ORDER BY id',
    'SELECT * FROM webhook_endpoints WHERE account_id = $1 ORDER BY id',
    'SELECT * FROM webhook_deliveries WHERE account_id = $1 ORDER BY id',
    `SELECT * FROM messages WHERE user_id IN (${users}) ORDER BY user_id, seq`,
    `SELECT * FROM read_marks WHERE user_id IN (${users}) ORDER BY user_id, read_seq`,
  ];
  return Promise.all(tables.map((sql) => node.query(sql, [account.id])));
}

/** An answer without the names that differ by necessity. */
async function ask(name: string, things: Things, credential: string) {
  const route = ROUTES[name]!;
  const { path, body } = route.request(things, 'user');
  const { status, text } = await node.call(methodOf(name), path, body, credential);
  return { status, text: text.replaceAll(things.user, 'USER') };
}

it('Every route with an id or a user in it is crossed', async () => {
  const crossed = [...byId, ...byUser].map(([name]) => name);
  const others = rules.filter(([, { by }]) => by === 'nothing').map(([name]) => name);
  expect([...crossed, ...others].sort()).toEqual((await documentedRoutes(node)).sort());
  expect(others.sort()).toEqual([
    'GET /v1/api-keys',
    'GET /v1/webhooks',
    'GET /v1/webhooks/dead-letters',
    'POST /v1/api-keys',
    'POST /v1/webhooks',
    'POST /v1/webhooks/dead-letters/replay',
  ]); // of the caller's own account, by nature
});

describe('An id of another account answers exactly as one that does not exist', () => {
  it.each(byId.map(([name]) => name))('%s', async (name) => {
    const before = await snapshot();
    const crossed = await ask(name, theirs, other);
    expect(crossed).toEqual(await ask(name, missingThings(theirs.user), other));
    expect(crossed.status).toBe(404);
    expect(await snapshot()).toEqual(before);
  });

  it.each(byId.map(([name]) => name))('%s, with a user token of the same name', async (name) => {
    const token = await node.token(theirs.user, 3600, other);
    const crossed = await ask(name, theirs, token);
    expect(crossed).toEqual(await ask(name, missingThings(theirs.user), token));
    expect([403, 404]).toContain(crossed.status); // 403 where no token may
  });

  it('POST /v1/messages/read with message_ids', async () => {
    const ask = (id: string) =>
      node.call('POST', '/v1/messages/read', { platform_user_id: theirs.user, message_ids: [id] }, other);
    const [crossed, missing] = [await ask(theirs.answered), await ask('msg_00000000001000000002')];
    expect([crossed.status, crossed.text]).toEqual([404, missing.text]);
  });
});

describe('A platform user of the same name in another account is somebody else', () => {
  it.each(byUser.filter(([name]) => name.startsWith('GET ')).map(([name]) => name))(
    '%s shows nothing of theirs',
    async (name) => {
      const [own, stranger] = [{ ...theirs, user: aUser() }, aUser()];
      await node.receive(own.user, 'of the first account');
      const crossed = await ask(name, own, other);
      const unknown = await ask(name, { ...own, user: stranger }, other);
      // A log's epoch and a connection's id are its own.
      const comparable = ({ status, text }: { status: number; text: string }) => ({
        status,
        text: text.replace(/"(epoch|connection_id)":"[^"]*"/g, '').replaceAll(stranger, 'USER'),
      });
      expect(comparable(crossed)).toEqual(comparable(unknown));
      expect(crossed.status).toBe(200);
      expect(crossed.text).not.toContain('of the first account');
    },
  );

  it.each(byUser.filter(([name]) => !name.startsWith('GET ')).map(([name]) => name))(
    '%s changes nothing of theirs',
    async (name) => {
      const before = await snapshot();
      expect((await ask(name, theirs, other)).status).toBeLessThan(300);
      expect(await snapshot()).toEqual(before);
    },
  );

  it('a session id is free in each account', async () => {
    const before = await snapshot();
    const user = aUser();
    const session = { platform_user_id: user, agent_session_id: theirs.session };
    expect((await node.call('POST', '/v1/sessions', session, other)).status).toBe(201);
    const received = { ...session, message: 'in my own session' };
    expect((await node.call('POST', '/v1/message/receive', received, other)).status).toBe(201);
    expect(await snapshot()).toEqual(before);
  });

  it('a client_message_id is free in each account', async () => {
    const body = { platform_user_id: aUser(), message: 'x', client_message_id: 'the same' };
    const first = await node.ok('POST', '/v1/message/receive', body);
    const second = await node.call('POST', '/v1/message/receive', { ...body, message: 'y' }, other);
    expect(second.status).toBe(201);
    expect(second.body.id).not.toBe(first.id);
  });

  it('revoking their tokens leaves ours', async () => {
    const token = await node.token(theirs.user);
    await node.ok('POST', '/v1/tokens/revoke', { platform_user_id: theirs.user }, other);
    expect((await node.call('GET', '/v1/messages/all', undefined, token)).status).toBe(200);
  });

  it('keys are listed for the own account only', async () => {
    const { api_keys } = await node.ok('GET', '/v1/api-keys', undefined, other);
    const ids = api_keys.map(({ id }: any) => id);
    const rows = await node.query(
      "SELECT k.id FROM api_keys k JOIN accounts a ON a.id = k.account_id WHERE a.name = 'other'",
    );
    expect(ids.sort()).toEqual(rows.map(({ id }) => id).sort());
    expect(ids).not.toContain(theirs.apiKey);
  });
});

it('Webhooks and dead letters are listed and replayed for the own account only', async () => {
  const { webhooks } = await node.ok('GET', '/v1/webhooks', undefined, other);
  expect(webhooks.map(({ id }: any) => id)).not.toContain(theirs.webhook);
  const { deliveries } = await node.ok('GET', '/v1/webhooks/dead-letters?limit=200', undefined, other);
  expect(deliveries.map(({ id }: any) => id)).not.toContain(theirs.delivery);
  await node.query('UPDATE webhook_endpoints SET enabled = true WHERE id = $1', [theirs.webhook]);
  const wish = { delivery_ids: [theirs.delivery] };
  const replay = (credential?: string) =>
    node.ok('POST', '/v1/webhooks/dead-letters/replay', wish, credential);
  expect(await replay(other)).toEqual({ replayed: 0, more: false });
  expect(await replay()).toEqual({ replayed: 1, more: false });
});

it('The command line revokes keys of the named account only', async () => {
  await expect(cli(node.database.url, 'key', 'revoke', theirs.apiKey, '--account', 'other')).rejects.toThrow(
    /no such API key/,
  );
  const [row] = await node.query('SELECT revoked_at FROM api_keys WHERE id = $1', [theirs.apiKey]);
  expect(row).toEqual({ revoked_at: null });
});
