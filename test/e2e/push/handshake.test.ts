import { eventually } from '../../support/eventually.js';
import { aUser, startTestNode, type TestNode } from '../../support/node.js';
import { closeSockets, connect, dial, refusal } from '../../support/socket.js';

let node: TestNode;
beforeAll(async () => void (node = await startTestNode()));
afterEach(closeSockets);
afterAll(() => node.stop());

describe('A handshake is admitted', () => {
  it('with a user token', async () => {
    const user = aUser();
    const device = await connect(node.url, { token: await node.token(user) });
    expect((await device.next('ready')).platform_user_id).toBe(user);
  });

  it('with an API key and whom it speaks for', async () => {
    const user = aUser();
    const device = await connect(node.url, { api_key: node.key, platform_user_id: user });
    expect((await device.next('ready')).platform_user_id).toBe(user);
  });

  it('with a token and its own platform user', async () => {
    const user = aUser();
    const device = await connect(node.url, { token: await node.token(user), platform_user_id: user });
    expect((await device.next('ready')).platform_user_id).toBe(user);
  });

  it.each([
    ['websocket', ['websocket']],
    ['polling', ['polling']],
    ['polling, then an upgrade', ['polling', 'websocket']],
  ])('over %s, and pushes and answers there', async (_, transports) => {
    const user = aUser();
    const device = await connect(node.url, { token: await node.token(user) }, { transports });
    const sent = await node.send(user, 'hello');
    expect(await device.next('message')).toEqual(sent);
    const answer = await device.command('message:receive', { message: 'hi' });
    expect(answer).toMatchObject({ ok: true, data: { seq: 2 } });
    expect(await device.next('message')).toEqual(answer.data);
    const transport = device.socket.io.engine.transport.name;
    if (transports.length === 1) expect(transport).toBe(transports[0]);
    else await eventually(() => expect(device.socket.io.engine.transport.name).toBe('websocket'));
  });
});

describe('ready', () => {
  it('has every field, of an empty log', async () => {
    const user = aUser();
    const { token, expires_at } = await node.ok('POST', '/v1/tokens', { platform_user_id: user });
    const device = await connect(node.url, { token });
    expect(await device.next('ready')).toEqual({
      platform_user_id: user,
      epoch: expect.stringMatching(/^\S+$/),
      seq: 0,
      read_seq: 0,
      unread_count: 0,
      connection_id: device.socket.id,
      expires_at,
      reset: false,
    });
  });

  it('says where the log stands; a key without an end has no expires_at', async () => {
    const user = aUser();
    await node.send(user, 'one');
    await node.send(user, 'two');
    await node.receive(user, 'three');
    await node.ok('POST', '/v1/messages/read', { platform_user_id: user, up_to_seq: 1 });
    const device = await connect(node.url, { api_key: node.key, platform_user_id: user });
    expect(await device.next('ready')).toMatchObject({
      seq: 3,
      read_seq: 1,
      unread_count: 1,
      expires_at: null,
      reset: false,
    });
  });

  it('names the same epoch to every device of a user, and another to another user', async () => {
    const user = aUser();
    const epochs = [];
    for (const who of [user, user, aUser()])
      epochs.push((await (await node.device(who)).next('ready')).epoch);
    expect(epochs[0]).toBe(epochs[1]);
    expect(epochs[0]).not.toBe(epochs[2]);
  });
});

describe('A handshake is refused', () => {
  const control = 'a\u0000b';
  it.each<[string, Record<string, unknown>, string]>([
    ['without a credential', {}, 'missing_api_key'],
    ['with credentials that are null', { token: null, api_key: null }, 'missing_api_key'],
    ['with only a name', { platform_user_id: 'somebody' }, 'missing_api_key'],
    ['with a malformed token', { token: 'not.a.token' }, 'invalid_token'],
    ['with an empty token', { token: '' }, 'invalid_token'],
    ['with a token that is a number', { token: 12 }, 'invalid_parameter'],
    ['with a token that is an object', { token: { $ne: null } }, 'invalid_parameter'],
    ['with an endless token', { token: 'e'.repeat(5000) }, 'invalid_parameter'],
    ['with an unknown key', { api_key: 'parley_unknown', platform_user_id: 'x' }, 'invalid_api_key'],
    ['with an empty key', { api_key: '', platform_user_id: 'x' }, 'invalid_api_key'],
  ])('%s', async (_, auth, code) => {
    expect(await refusal(node.url, auth)).toEqual({
      code,
      message: expect.any(String),
      details: expect.any(Object),
    });
  });

  it.each<[string, unknown, string]>([
    ['is missing', undefined, 'missing_parameter'],
    ['is empty', '', 'invalid_parameter'],
    ['is a number', 7, 'invalid_parameter'],
    ['is too long', 'u'.repeat(256), 'invalid_parameter'],
    ['has a NUL', control, 'invalid_parameter'],
    ['has a lone surrogate', 'a\ud800', 'invalid_parameter'],
  ])('when the platform_user_id %s', async (_, platform_user_id, code) => {
    const refused = await refusal(node.url, { api_key: node.key, platform_user_id });
    expect(refused.code).toBe(code);
    expect(refused.details.fields).toHaveProperty('platform_user_id');
  });

  it.each([[-1], [1.5], ['5'], [2 ** 60]])('when after is %j', async (after) => {
    const refused = await refusal(node.url, { token: await node.token(aUser()), after });
    expect(refused).toMatchObject({
      code: 'invalid_parameter',
      details: { fields: { after: expect.any(Array) } },
    });
  });

  it('with a revoked key', async () => {
    const { id, key } = await node.newKey({ scopes: ['user'] });
    await node.ok('POST', `/v1/api-keys/${id}/revoke`);
    expect((await refusal(node.url, { api_key: key, platform_user_id: 'x' })).code).toBe('invalid_api_key');
  });

  it('with an expired key', async () => {
    const { key } = await node.newKey({ scopes: ['user'], expires_in: 1 });
    await eventually(async () =>
      expect((await refusal(node.url, { api_key: key, platform_user_id: 'x' })).code).toBe('expired_api_key'),
    );
  });

  it('with an expired token', async () => {
    const token = await node.token(aUser(), 1);
    await eventually(async () => expect((await refusal(node.url, { token })).code).toBe('expired_token'));
  });

  it('with a token that was revoked, and not with a later one', async () => {
    const user = aUser();
    const token = await node.token(user);
    await node.ok('POST', '/v1/tokens/revoke', { platform_user_id: user });
    expect((await refusal(node.url, { token })).code).toBe('invalid_token');
    await eventually(async () => connect(node.url, { token: await node.token(user) }));
  });

  it('with a token whose key was revoked', async () => {
    const { id, key } = await node.newKey({ scopes: ['user'] });
    const token = await node.token(aUser(), 60, key);
    await node.ok('POST', `/v1/api-keys/${id}/revoke`);
    expect((await refusal(node.url, { token })).code).toBe('invalid_token');
  });

  it.each([['agent'], ['admin']])('with a key that has only the scope %s', async (scope) => {
    const { key } = await node.newKey({ scopes: [scope] });
    const refused = await refusal(node.url, { api_key: key, platform_user_id: 'x' });
    expect(refused.code).toBe('insufficient_permissions');
  });

  it('with a token of one user and the name of another', async () => {
    const refused = await refusal(node.url, { token: await node.token(aUser()), platform_user_id: aUser() });
    expect(refused.code).toBe('insufficient_permissions');
  });

  it('with a credential of the wrong kind', async () => {
    const user = aUser();
    expect((await refusal(node.url, { token: node.key })).code).toBe('invalid_token');
    const asKey = { api_key: await node.token(user), platform_user_id: user };
    expect((await refusal(node.url, asKey)).code).toBe('invalid_api_key');
  });

  it('when the credential is not in auth: query and headers end in logs', async () => {
    const token = await node.token(aUser());
    const options = { query: { token }, extraHeaders: { authorization: `Bearer ${token}` } };
    expect((await refusal(node.url, {}, options)).code).toBe('missing_api_key');
  });

  it('in a namespace that does not exist', async () => {
    const other = dial(`${node.url}/nowhere`, { token: await node.token(aUser()) });
    expect((await other.next('connect_error')).message).toBe('Invalid namespace');
  });

  it('and leaves no platform user behind', async () => {
    const user = aUser();
    const { key } = await node.newKey({ scopes: ['agent'] });
    await refusal(node.url, { api_key: key, platform_user_id: user });
    await refusal(node.url, { api_key: 'parley_unknown', platform_user_id: user });
    await refusal(node.url, { token: await node.token(aUser()), platform_user_id: user });
    expect(await node.query('SELECT * FROM platform_users WHERE platform_user_id = $1', [user])).toEqual([]);
  });
});

describe('auth fields that are null count as absent', () => {
  it('starts at the present, without reset', async () => {
    const user = aUser();
    await node.send(user, 'old');
    const device = await connect(node.url, { token: await node.token(user), after: null, epoch: null });
    expect(await device.next('ready')).toMatchObject({ seq: 1, reset: false });
    expect(device.events('message')).toEqual([]);
  });

  it('replays when only the epoch is null', async () => {
    const user = aUser();
    await node.send(user, 'old');
    const device = await connect(node.url, { token: await node.token(user), after: 0, epoch: null });
    expect(await device.next('ready')).toMatchObject({ seq: 1, reset: false });
    expect(device.events('message')).toHaveLength(1);
  });
});
