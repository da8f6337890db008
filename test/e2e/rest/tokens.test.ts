import { aKey, anError, type Api, aToken, aUser, made, sent, startApi, TIME } from '../../support/api.js';
import { eventually } from '../../support/eventually.js';

let api: Api;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api?.stop());

const mint = (body: object, options = {}) => api.post('/v1/tokens', body, options);
const lifeOf = ({ expires_at }: { expires_at: string }) => (Date.parse(expires_at) - Date.now()) / 1000;
const listWith = (key: string) => api.get('/v1/messages/unread', { key });

describe('POST /v1/tokens', () => {
  it('mints a token that acts as its platform user, for an hour', async () => {
    const user = aUser();
    await sent(api, user);
    const { status, body } = await mint({ platform_user_id: user });
    expect(status).toBe(201);
    expect(body).toEqual({ token: expect.stringMatching(/^eyJ/), expires_at: expect.stringMatching(TIME) });
    expect(lifeOf(body)).toBeGreaterThan(3540);
    expect(lifeOf(body)).toBeLessThanOrEqual(3600);
    expect(await listWith(body.token)).toMatchObject({ status: 200, body: { unread_count: 1 } });
  });

  it('mints for 1 second to 24 hours', async () => {
    const platform_user_id = aUser();
    expect(lifeOf(made(await mint({ platform_user_id, expires_in: 86_400 })))).toBeGreaterThan(86_340);
    expect(lifeOf(made(await mint({ platform_user_id, expires_in: null })))).toBeGreaterThan(3540);
    for (const expires_in of [0, -1, 86_401, 1.5, '60', true])
      expect(await mint({ platform_user_id, expires_in })).toMatchObject(
        anError(422, 'invalid_parameter', ['expires_in']),
      );
    expect(await mint({})).toMatchObject(anError(422, 'missing_parameter', ['platform_user_id']));
    expect(await mint({ platform_user_id, scopes: ['admin'] })).toMatchObject(
      anError(422, 'invalid_parameter', ['scopes']),
    );
  });

  it('needs a key with the scope user: a token mints no token', async () => {
    const user = aUser();
    const body = { platform_user_id: user };
    expect(await mint(body, await aKey(api, { scopes: ['agent', 'admin'] }))).toMatchObject(
      anError(403, 'insufficient_permissions'),
    );
    expect(await mint(body, { key: await aToken(api, user) })).toMatchObject(
      anError(403, 'insufficient_permissions'),
    );
  });
});

describe('a user token', () => {
  it('ends when it expires', async () => {
    const key = await aToken(api, aUser(), 1);
    expect((await listWith(key)).status).toBe(200);
    await eventually(async () => {
      expect(await listWith(key)).toMatchObject(anError(401, 'expired_token'));
    });
  });

  it('counts for nothing when a byte of it was changed', async () => {
    const token = await aToken(api, aUser());
    const [header, payload, signature] = token.split('.') as [string, string, string];
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const forged = [
      `${header}.${encode({ ...claims, sub: 'somebody else' })}.${signature}`,
      `${header}.${encode({ ...claims, exp: claims.exp + 1 })}.${signature}`,
      `${encode({ alg: 'none', typ: 'JWT' })}.${payload}.`,
      `${encode({ alg: 'none', typ: 'JWT' })}.${payload}.${signature}`,
      `${header}.${payload}.${signature.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'))}`,
      `${header}.${payload}.`,
      'eyJ..',
      `eyJ${'x'.repeat(5000)}.x.x`,
    ];
    for (const key of forged) expect(await listWith(key)).toMatchObject(anError(401, 'invalid_token'));
    expect((await listWith(token)).status).toBe(200);
  });

  it('manages no keys', async () => {
    const key = await aToken(api, aUser());
    expect(await api.get('/v1/api-keys', { key })).toMatchObject(anError(403, 'insufficient_permissions'));
    expect(await api.post('/v1/api-keys', { name: 'x', scopes: ['admin'] }, { key })).toMatchObject(
      anError(403, 'insufficient_permissions'),
    );
  });

  it('ends with the key that minted it', async () => {
    const minter = await aKey(api);
    const { token } = made(await mint({ platform_user_id: aUser() }, minter));
    expect((await listWith(token)).status).toBe(200);
    made(await api.post(`/v1/api-keys/${minter.id}/revoke`));
    expect(await listWith(token)).toMatchObject(anError(401, 'invalid_token'));
  });
});

describe('POST /v1/tokens/revoke', () => {
  it('ends every token of one platform user, and no later one', async () => {
    const [user, other] = [aUser(), aUser()];
    const tokens = [await aToken(api, user), await aToken(api, user)];
    const others = await aToken(api, other);
    expect((await listWith(tokens[0] as string)).status).toBe(200); // and is remembered; the other has never come
    expect(await api.post('/v1/tokens/revoke', { platform_user_id: user })).toMatchObject({
      status: 200,
      body: { platform_user_id: user, revoked_at: expect.stringMatching(TIME) },
    });
    for (const key of tokens) expect(await listWith(key)).toMatchObject(anError(401, 'invalid_token'));
    expect((await listWith(others)).status).toBe(200);
    await eventually(async () => expect((await listWith(await aToken(api, user))).status).toBe(200));
  });

  it('is for keys, not for tokens', async () => {
    const user = aUser();
    const key = await aToken(api, user);
    expect(await api.post('/v1/tokens/revoke', { platform_user_id: user }, { key })).toMatchObject(
      anError(403, 'insufficient_permissions'),
    );
    expect((await listWith(key)).status).toBe(200);
  });
});
