import { aUser, cli, startTestNode, type TestNode } from '../../support/node.js';
import { closeSockets, connect, type Recorder } from '../../support/socket.js';

const CUT_LIMIT_MS = 5_000;
let node: TestNode;
beforeAll(async () => void (node = await startTestNode()));
afterEach(closeSockets);
afterAll(() => node.stop());

/** A fresh key with a socket of its own, a socket by a token that it minted, and a socket that has nothing to do with it. */
async function threeSockets() {
  const user = aUser();
  const { id, key } = await node.newKey({ scopes: ['user'] });
  return {
    id,
    user,
    byKey: await node.device(user, { api_key: key, platform_user_id: user }),
    byItsToken: await node.device(user, { token: await node.token(user, 3600, key) }),
    bystander: await node.device(user),
  };
}

async function expectAlive(device: Recorder): Promise<void> {
  expect(await device.command('typing', { typing: true })).toMatchObject({ ok: true });
  expect(device.events('disconnect')).toEqual([]);
}

describe('Open sockets are cut', () => {
  it('when their key is revoked over REST, with those of the tokens it minted', async () => {
    const { id, byKey, byItsToken, bystander } = await threeSockets();
    await node.ok('POST', `/v1/api-keys/${id}/revoke`);
    for (const device of [byKey, byItsToken])
      expect(await device.cut(CUT_LIMIT_MS)).toBe('io server disconnect');
    await expectAlive(bystander);
  });

  it('when another process revokes the key: the command line', async () => {
    const { id, byKey, byItsToken, bystander } = await threeSockets();
    await cli(node.database.url, 'key', 'revoke', id);
    for (const device of [byKey, byItsToken]) await device.cut(CUT_LIMIT_MS);
    await expectAlive(bystander);
  });

  it('when the tokens of their user are revoked, and no others', async () => {
    const [user, other] = [aUser(), aUser()];
    const devices = [await node.device(user), await node.device(user)];
    const byKey = await node.device(user, { api_key: node.key, platform_user_id: user });
    const bystander = await node.device(other);
    await node.ok('POST', '/v1/tokens/revoke', { platform_user_id: user });
    for (const device of devices) await device.cut(CUT_LIMIT_MS);
    for (const device of [byKey, bystander]) await expectAlive(device);
  });

  it('when their token expires', async () => {
    const user = aUser();
    const device = await node.device(user, { token: await node.token(user, 1) });
    const { expires_at } = await device.next('ready');
    await device.cut(CUT_LIMIT_MS + 1_000);
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(expires_at));
  });

  it('when their key expires', async () => {
    const user = aUser();
    const { key, expires_at } = await node.newKey({ scopes: ['user'], expires_in: 1 });
    const device = await connect(node.url, { api_key: key, platform_user_id: user });
    expect((await device.next('ready')).expires_at).toBe(expires_at);
    await device.cut(CUT_LIMIT_MS + 1_000);
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(expires_at));
  });

  it('and then hear nothing more', async () => {
    const { id, user, byKey, bystander } = await threeSockets();
    await node.ok('POST', `/v1/api-keys/${id}/revoke`);
    await byKey.cut(CUT_LIMIT_MS);
    const sent = await node.send(user, 'not for the cut one');
    expect(await bystander.next('message')).toEqual(sent);
    expect(byKey.events('message')).toEqual([]);
  });
});

describe('Rotation', () => {
  it('leaves the sockets of the old key and of its tokens open during the grace period', async () => {
    const { id, user, byKey, byItsToken } = await threeSockets();
    const { key } = await node.ok('POST', `/v1/api-keys/${id}/rotate`, { grace_seconds: 600 });
    const bySuccessor = await node.device(user, { api_key: key, platform_user_id: user });
    for (const device of [byKey, byItsToken, bySuccessor]) await expectAlive(device);
    // Two rounds of the watch, seen from outside: a token that lives one second is cut by it.
    for (let round = 0; round < 2; round++)
      await (await node.device(user, { token: await node.token(user, 1) })).cut(CUT_LIMIT_MS + 1_000);
    for (const device of [byKey, byItsToken, bySuccessor]) await expectAlive(device);
  });

  it('without a grace period cuts the old key’s own socket', async () => {
    const { id, byKey } = await threeSockets();
    await node.ok('POST', `/v1/api-keys/${id}/rotate`, { grace_seconds: 0 });
    await byKey.cut(CUT_LIMIT_MS);
  });
});

describe('token:expiring', () => {
  it('comes at once when less than a minute is left, and once', async () => {
    const user = aUser();
    const device = await node.device(user, { token: await node.token(user, 3) });
    const { expires_at } = await device.next('ready');
    expect(await device.next('token:expiring')).toEqual({ expires_at });
    await device.cut(8_000);
    expect(device.events('token:expiring')).toHaveLength(1);
  });

  it('does not come when there is more time', async () => {
    const user = aUser();
    const device = await node.device(user, { token: await node.token(user, 3600) });
    const short = await node.device(user, { token: await node.token(user, 30) });
    await short.next('token:expiring');
    expect(device.events('token:expiring')).toEqual([]);
  });
});

describe('token:refresh', () => {
  it('keeps the connection beyond the end of the old token', async () => {
    const user = aUser();
    const device = await node.device(user, { token: await node.token(user, 2) });
    const sibling = await node.device(user, { token: await node.token(user, 2) });
    const { token, expires_at } = await node.ok('POST', '/v1/tokens', { platform_user_id: user });
    expect(await device.command('token:refresh', { token })).toEqual({ ok: true, data: { expires_at } });
    await sibling.cut(8_000); // the old token's end has passed
    await expectAlive(device);
    const sent = await node.send(user, 'hello');
    expect(await device.next('message')).toEqual(sent);
  });

  it('ties the connection to the new token: it is cut when that one ends', async () => {
    const user = aUser();
    const device = await node.device(user);
    await device.command('token:refresh', { token: await node.token(user, 1) });
    await device.cut(CUT_LIMIT_MS + 1_000);
  });

  it('is announced anew for the new token', async () => {
    const user = aUser();
    const device = await node.device(user, { token: await node.token(user, 30) });
    const first = await device.next('token:expiring');
    const { token, expires_at } = await node.ok('POST', '/v1/tokens', {
      platform_user_id: user,
      expires_in: 40,
    });
    await device.command('token:refresh', { token });
    const second = await device.next('token:expiring');
    expect([first, second]).toEqual([{ expires_at: expect.any(String) }, { expires_at }]);
    expect(first.expires_at).not.toBe(second.expires_at);
  });

  it.each<[string, (user: string) => Promise<unknown>, string]>([
    ['nothing', async () => undefined, 'missing_parameter'],
    ['no token', async () => ({ token: 'nonsense' }), 'invalid_parameter'],
    ['a forged token', async () => ({ token: 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.' }), 'invalid_token'],
    ['another user’s token', async () => ({ token: await node.token(aUser()) }), 'insufficient_permissions'],
    ['an API key', async () => ({ token: node.key }), 'invalid_parameter'],
    ['more than a token', async (user) => ({ token: await node.token(user), x: 1 }), 'invalid_parameter'],
  ])('refuses %s, and the connection goes on as it was', async (_, body, code) => {
    const user = aUser();
    const device = await node.device(user);
    const answer = await device.command('token:refresh', await body(user));
    expect(answer).toMatchObject({ ok: false, error: { code, message: expect.any(String) } });
    await expectAlive(device);
  });

  it('refuses a revoked token', async () => {
    const user = aUser();
    const { id, key } = await node.newKey({ scopes: ['user'] });
    const token = await node.token(user, 60, key);
    await node.ok('POST', `/v1/api-keys/${id}/revoke`);
    const device = await node.device(user);
    const answer = await device.command('token:refresh', { token });
    expect(answer).toMatchObject({ ok: false, error: { code: 'invalid_token' } });
  });

  it('is a conflict on a connection that uses a key', async () => {
    const user = aUser();
    const device = await node.device(user, { api_key: node.key, platform_user_id: user });
    const answer = await device.command('token:refresh', { token: await node.token(user) });
    expect(answer).toMatchObject({ ok: false, error: { code: 'resource_conflict' } });
  });
});
