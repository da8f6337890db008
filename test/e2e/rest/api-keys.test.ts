import { aKey, anError, type Api, aUser, made, startApi, TIME } from '../../support/api.js';
import { eventually } from '../../support/eventually.js';

let api: Api;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api?.stop());

const statusWith = async (key: string) => (await api.get('/v1/api-keys', { key })).status;
const inList = async (id: string) =>
  made(await api.get('/v1/api-keys')).api_keys.find((key: any) => key.id === id);

describe('POST /v1/api-keys', () => {
  it('creates a key, and shows its secret this once', async () => {
    const { status, body } = await api.post('/v1/api-keys', {
      name: 'chat backend',
      scopes: ['user', 'agent'],
    });
    expect(status).toBe(201);
    expect(body).toEqual({
      id: expect.stringMatching(/^key_/),
      name: 'chat backend',
      prefix: expect.any(String),
      scopes: ['user', 'agent'],
      rate_limit_per_hour: null,
      created_at: expect.stringMatching(TIME),
      expires_at: null,
      revoked_at: null,
      key: expect.stringMatching(/^parley_[\w-]{43}$/),
    });
    expect(body.key.startsWith(body.prefix)).toBe(true);
    expect(body.prefix.length).toBeLessThan(14);
    const { key: secret, ...rest } = body;
    const list = await api.get('/v1/api-keys');
    expect(list.body.api_keys).toContainEqual(rest);
    expect(JSON.stringify(list.body)).not.toContain(secret);
    const user = aUser();
    expect(
      (await api.post('/v1/message/receive', { platform_user_id: user, message: 'x' }, { key: secret }))
        .status,
    ).toBe(201);
  });

  it('refuses wrong wishes', async () => {
    const before = (await api.get('/v1/api-keys')).body;
    for (const [field, value] of [
      ['name', ''],
      ['name', 'x'.repeat(101)],
      ['name', 5],
      ['name', 'red \u001b[31m alert'],
      ['scopes', []],
      ['scopes', 'user'],
      ['scopes', ['root']],
      ['scopes', ['user', 'root']],
      ['rate_limit_per_hour', -1],
      ['rate_limit_per_hour', 1.5],
      ['expires_in', 0],
      ['expires_in', '60'],
      ['account', 'default'],
    ] as const)
      expect(await api.post('/v1/api-keys', { name: 'x', scopes: ['user'], [field]: value })).toMatchObject(
        anError(422, 'invalid_parameter', [field]),
      );
    expect(await api.post('/v1/api-keys', {})).toMatchObject(
      anError(422, 'missing_parameter', ['name', 'scopes']),
    );
    expect((await api.get('/v1/api-keys')).body).toEqual(before);
  });

  it('takes null for absence: a key without an end', async () => {
    const body = { name: 'x', scopes: ['admin'], expires_in: null, rate_limit_per_hour: null };
    const created = made(await api.post('/v1/api-keys', body));
    expect(created).toMatchObject({ expires_at: null, rate_limit_per_hour: null });
    expect(await statusWith(created.key)).toBe(200);
  });

  it('creates a key that expires', async () => {
    const { key, id } = await aKey(api, { expires_in: 1 });
    expect(await statusWith(key)).toBe(200);
    expect((await inList(id)).expires_at).toMatch(TIME);
    await eventually(async () => {
      expect(await api.get('/v1/api-keys', { key })).toMatchObject(anError(401, 'expired_api_key'));
    });
  });
});

describe('GET /v1/api-keys and the rest', () => {
  it('need the scope admin', async () => {
    const { id } = await aKey(api);
    const { key } = await aKey(api, { scopes: ['user', 'agent'] });
    const body = { name: 'x', scopes: ['user'] };
    for (const answer of [
      await api.get('/v1/api-keys', { key }),
      await api.post('/v1/api-keys', body, { key }),
      await api.post(`/v1/api-keys/${id}/revoke`, {}, { key }),
      await api.post(`/v1/api-keys/${id}/rotate`, {}, { key }),
    ])
      expect(answer).toMatchObject(anError(403, 'insufficient_permissions'));
    expect((await inList(id)).revoked_at).toBeNull();
  });

  it('do not know a key that does not exist', async () => {
    for (const id of ['key_00000000000000000000', 'x', '%00'])
      for (const action of ['revoke', 'rotate'])
        expect(await api.post(`/v1/api-keys/${id}/${action}`)).toMatchObject(
          anError(404, 'resource_not_found'),
        );
  });
});

describe('POST /v1/api-keys/{id}/revoke', () => {
  it('ends a key at once', async () => {
    const { id, key } = await aKey(api);
    expect(await statusWith(key)).toBe(200);
    expect(await api.post(`/v1/api-keys/${id}/revoke`)).toMatchObject({
      status: 200,
      body: { id, revoked_at: expect.stringMatching(TIME) },
    });
    expect(await api.get('/v1/api-keys', { key })).toMatchObject(anError(401, 'invalid_api_key'));
    expect((await inList(id)).revoked_at).toMatch(TIME);
  });

  it('changes nothing the second time', async () => {
    const { id } = await aKey(api);
    const first = made(await api.post(`/v1/api-keys/${id}/revoke`));
    expect(made(await api.post(`/v1/api-keys/${id}/revoke`))).toEqual(first);
    expect(first).not.toHaveProperty('key');
  });
});

describe('POST /v1/api-keys/{id}/rotate', () => {
  it('makes a successor, and lets the old key work for a grace period', async () => {
    const old = await aKey(api, { scopes: ['admin'], rate_limit_per_hour: 1000 });
    const { status, body } = await api.post(`/v1/api-keys/${old.id}/rotate`, { grace_seconds: 2 });
    expect(status).toBe(201);
    expect(body).toMatchObject({
      name: 'for a test',
      scopes: ['admin'],
      rate_limit_per_hour: 1000,
      expires_at: null,
    });
    expect(body.id).not.toBe(old.id);
    expect([await statusWith(old.key), await statusWith(body.key)]).toEqual([200, 200]);
    await eventually(async () => {
      expect(await api.get('/v1/api-keys', { key: old.key })).toMatchObject(anError(401, 'expired_api_key'));
    });
    expect(await statusWith(body.key)).toBe(200);
  });

  it('ends the old key at once with a grace period of 0', async () => {
    const old = await aKey(api);
    expect(await statusWith(old.key)).toBe(200); // and is remembered
    const { key } = made(await api.post(`/v1/api-keys/${old.id}/rotate`, { grace_seconds: 0 }));
    expect(await api.get('/v1/api-keys', { key: old.key })).toMatchObject(anError(401, 'expired_api_key'));
    expect(await statusWith(key)).toBe(200);
  });

  it('has a grace period of a day unless told, and takes no body for that', async () => {
    for (const body of [undefined, {}, { grace_seconds: null }]) {
      const { id } = await aKey(api);
      made(await api.post(`/v1/api-keys/${id}/rotate`, body));
      const life = (Date.parse((await inList(id)).expires_at) - Date.now()) / 1000;
      expect(life).toBeGreaterThan(86_340);
      expect(life).toBeLessThanOrEqual(86_400);
    }
  });

  it('never prolongs a key', async () => {
    const { id } = await aKey(api, { expires_in: 60 });
    const { expires_at } = await inList(id);
    made(await api.post(`/v1/api-keys/${id}/rotate`, { grace_seconds: 3600 }));
    expect((await inList(id)).expires_at).toBe(expires_at);
  });

  it('is not for a key that no longer works', async () => {
    const { id } = await aKey(api);
    made(await api.post(`/v1/api-keys/${id}/revoke`));
    expect(await api.post(`/v1/api-keys/${id}/rotate`)).toMatchObject(anError(409, 'resource_conflict'));
  });

  it('refuses a wrong grace period, and makes no successor then', async () => {
    const { id } = await aKey(api);
    const { api_keys: before } = (await api.get('/v1/api-keys')).body;
    for (const grace_seconds of [-1, 1.5, '5', 30 * 86_400 + 1])
      expect(await api.post(`/v1/api-keys/${id}/rotate`, { grace_seconds })).toMatchObject(
        anError(422, 'invalid_parameter', ['grace_seconds']),
      );
    expect((await api.get('/v1/api-keys')).body.api_keys).toEqual(before);
  });
});
