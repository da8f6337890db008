import {
  aKey,
  anError,
  type Api,
  aToken,
  aUser,
  made,
  received,
  sent,
  startApi,
  TIME,
} from '../../support/api.js';

let api: Api;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api?.stop());

describe('the reference page’s form of the calls', () => {
  it('POST /v1/messages/send sends as the assistant', async () => {
    const user = aUser();
    const { status, body } = await api.post('/v1/messages/send', { user_id: user, content: 'Hello' });
    expect(status).toBe(201);
    expect(body).toEqual({ id: expect.stringMatching(/^msg_/), timestamp: expect.stringMatching(TIME) });
    const history = made(await api.get(`/v1/messages/all?platform_user_id=${user}`));
    expect(history.messages).toMatchObject([
      { id: body.id, payload: { content: 'Hello', sender: 'assistant' } },
    ]);
  });

  it('GET /v1/messages lists by limit and offset', async () => {
    const user = aUser();
    const messages = [
      await received(api, user, { message: 'one' }),
      await sent(api, user),
      await received(api, user),
    ];
    const list = async (query: string) => made(await api.get(`/v1/messages?user_id=${user}${query}`));
    expect((await list('')).messages[0]).toEqual({
      id: messages[0].id,
      content: 'one',
      timestamp: messages[0].created_at,
      read: false,
    });
    const ids = (page: any) => page.messages.map(({ id }: any) => id);
    expect(ids(await list('&limit=2'))).toEqual([messages[0].id, messages[1].id]);
    expect(ids(await list('&limit=2&offset=2'))).toEqual([messages[2].id]);
    expect(await list('&offset=3')).toEqual({ messages: [], total: 3 });
    expect(made(await api.get(`/v1/messages?user_id=${aUser()}`))).toEqual({ messages: [], total: 0 });
  });

  it('PUT /v1/messages/{id}/read marks one message read', async () => {
    const user = aUser();
    const [first, second] = [await sent(api, user), await sent(api, user)];
    expect(await api.put(`/v1/messages/${second.id}/read`)).toMatchObject({
      status: 200,
      body: { id: second.id, read: true },
    });
    const unread = made(await api.get(`/v1/messages/unread?platform_user_id=${user}`));
    expect(unread.messages.map(({ id }: any) => id)).toEqual([first.id]);
    expect((await api.put(`/v1/messages/${second.id}/read`, {})).status).toBe(200);
    expect(await api.put('/v1/messages/msg_00000000000000000001/read')).toMatchObject(
      anError(404, 'resource_not_found'),
    );
  });

  it('they need what the calls that they stand for need', async () => {
    const user = aUser();
    const { id } = await sent(api, user);
    const agent = await aKey(api, { scopes: ['agent'] });
    const own = await aKey(api, { scopes: ['user'] });
    const token = await aToken(api, user);
    const stranger = await aToken(api, aUser());
    expect((await api.post('/v1/messages/send', { user_id: user, content: 'x' }, own)).status).toBe(403);
    expect(
      (await api.post('/v1/messages/send', { user_id: user, content: 'x' }, { key: token })).status,
    ).toBe(403);
    expect((await api.put(`/v1/messages/${id}/read`, undefined, agent)).status).toBe(403);
    expect((await api.put(`/v1/messages/${id}/read`, undefined, { key: stranger })).status).toBe(404);
    expect((await api.get(`/v1/messages?user_id=${user}`, { key: stranger })).status).toBe(403);
    expect((await api.get('/v1/messages', { key: token })).body.total).toBe(1);
    expect((await api.put(`/v1/messages/${id}/read`, undefined, { key: token })).status).toBe(200);
  });

  it('they refuse what is missing or unknown', async () => {
    expect(await api.post('/v1/messages/send', { content: 'x' })).toMatchObject(
      anError(422, 'missing_parameter', ['user_id']),
    );
    expect(await api.post('/v1/messages/send', { user_id: 'u', content: 'x', sender: 'user' })).toMatchObject(
      anError(422, 'invalid_parameter', ['sender']),
    );
    expect(await api.get('/v1/messages')).toMatchObject(anError(422, 'missing_parameter', ['user_id']));
    expect(await api.get('/v1/messages?user_id=u&offset=-1')).toMatchObject(
      anError(422, 'invalid_parameter', ['offset']),
    );
  });
});

describe('/api/v1', () => {
  it('is the same API, on the same data', async () => {
    const user = aUser();
    const { body } = await api.post('/api/v1/message/receive', { platform_user_id: user, message: 'x' });
    await api.post('/api/v1/messages/send', { user_id: user, content: 'y' });
    const paths = [`messages/all?platform_user_id=${user}`, `sessions/${body.agent_session_id}`, 'api-keys'];
    for (const path of paths) {
      const answer = await api.get(`/api/v1/${path}`);
      expect(answer.status).toBe(200);
      expect(answer.body).toEqual((await api.get(`/v1/${path}`)).body);
    }
    expect((await api.get(`/v1/messages/all?platform_user_id=${user}`)).body.total).toBe(2);
  });

  it('is no prefix of anything else', async () => {
    for (const path of [
      '/api/health/live',
      '/api/v1',
      '/api/v10/messages',
      '/api/api/v1/api-keys',
      '/api/docs',
    ])
      expect(await api.get(path)).toMatchObject(anError(404, 'resource_not_found'));
  });
});
