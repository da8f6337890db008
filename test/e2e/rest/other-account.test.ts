import {
  aKey,
  anAccount,
  type Answer,
  type Api,
  aUser,
  made,
  received,
  sent,
  startApi,
} from '../../support/api.js';

let api: Api;
/** A key of another account, with all scopes. */
let key: string;
beforeAll(async () => {
  api = await startApi();
  ({ key } = await anAccount(api));
});
afterAll(() => api?.stop());

/** What both say but for the request: another account's id must not be told from a missing one. */
const said = ({ status, body, headers }: Answer) => ({ status, body, names: [...headers.keys()].sort() });

describe('another account', () => {
  it('does not find a message by its id', async () => {
    const user = aUser();
    const [own, answer] = [await received(api, user), await sent(api, user)];
    for (const { id } of [own, answer]) {
      const missing = id.replace(/.{9}$/, '000000777');
      for (const call of [
        (of: string) => api.patch(`/v1/messages/${of}`, { content: 'stolen' }, { key }),
        (of: string) => api.delete(`/v1/messages/${of}`, { key }),
        (of: string) => api.put(`/v1/messages/${of}/read`, undefined, { key }),
        (of: string) => api.post('/v1/messages/read', { platform_user_id: user, message_ids: [of] }, { key }),
      ]) {
        expect((await call(id)).status).toBe(404);
        expect(said(await call(id))).toEqual(said(await call(missing)));
      }
    }
    expect((await api.get(`/v1/messages/all?platform_user_id=${user}`)).body.messages).toEqual([own, answer]);
  });

  it('does not find a session by its id', async () => {
    const user = aUser();
    const session = made(await api.post('/v1/sessions', { platform_user_id: user, agent_session_id: user }));
    for (const call of [
      (id: string) => api.get(`/v1/sessions/${id}`, { key }),
      (id: string) => api.get(`/v1/sessions/${id}/messages`, { key }),
      (id: string) => api.patch(`/v1/sessions/${id}`, { status: 'closed' }, { key }),
    ]) {
      expect((await call(user)).status).toBe(404);
      expect(said(await call(user))).toEqual(said(await call('nowhere')));
    }
    expect((await api.get(`/v1/sessions/${user}`)).body).toEqual(session);
  });

  it('does not find a key by its id', async () => {
    const own = await aKey(api);
    for (const action of ['revoke', 'rotate']) {
      const answer = await api.post(`/v1/api-keys/${own.id}/${action}`, undefined, { key });
      const missing = await api.post(`/v1/api-keys/key_00000000000000000000/${action}`, undefined, { key });
      expect(answer.status).toBe(404);
      expect(said(answer)).toEqual(said(missing));
    }
    expect((await api.get('/v1/api-keys', { key: own.key })).status).toBe(200);
    const ids = (await api.get('/v1/api-keys', { key })).body.api_keys.map(({ id }: any) => id);
    expect(ids).toHaveLength(1);
    expect(ids).not.toContain(own.id);
  });

  it('has platform users, sessions and client message ids of its own, even of the same name', async () => {
    const name = aUser();
    const body = { platform_user_id: name, agent_session_id: name, client_message_id: name };
    const mine = made(await api.post('/v1/message/receive', { ...body, message: 'mine' }));
    const theirs = await api.post('/v1/message/receive', { ...body, message: 'theirs' }, { key });
    expect(theirs).toMatchObject({ status: 201, body: { seq: 1, agent_session_id: name } });
    expect(theirs.body.id).not.toBe(mine.id);
    for (const [credential, content] of [
      [api.key, 'mine'],
      [key, 'theirs'],
    ] as const) {
      const options = { key: credential };
      for (const path of [`messages/all?platform_user_id=${name}`, `sessions/${name}/messages`])
        expect((await api.get(`/v1/${path}`, options)).body).toMatchObject({
          total: 1,
          messages: [{ payload: { content } }],
        });
      expect((await api.get(`/v1/messages?user_id=${name}`, options)).body).toMatchObject({
        total: 1,
        messages: [{ content }],
      });
    }
  });

  it('sees nothing of a platform user that it does not have', async () => {
    const user = aUser();
    await sent(api, user);
    const get = async (path: string) => (await api.get(`/v1/${path}`, { key })).body;
    expect(await get(`messages/unread?platform_user_id=${user}`)).toMatchObject({
      messages: [],
      unread_count: 0,
    });
    expect(await get(`messages/all?platform_user_id=${user}`)).toMatchObject({ messages: [], total: 0 });
    expect(await get(`messages?user_id=${user}`)).toEqual({ messages: [], total: 0 });
    expect(await get(`sessions?platform_user_id=${user}`)).toEqual({ sessions: [], next_cursor: null });
    await api.post('/v1/messages/read', { platform_user_id: user, up_to_seq: 9 }, { key });
    expect((await api.get(`/v1/messages/unread?platform_user_id=${user}`)).body.unread_count).toBe(1);
  });

  it('mints and revokes tokens for its own users only', async () => {
    const user = aUser();
    await sent(api, user);
    const { token: mine } = made(await api.post('/v1/tokens', { platform_user_id: user }));
    const { token: theirs } = made(await api.post('/v1/tokens', { platform_user_id: user }, { key }));
    expect((await api.get('/v1/messages/all', { key: mine })).body.total).toBe(1);
    expect((await api.get('/v1/messages/all', { key: theirs })).body.total).toBe(0);
    made(await api.post('/v1/tokens/revoke', { platform_user_id: user }, { key }));
    expect((await api.get('/v1/messages/all', { key: theirs })).status).toBe(401);
    expect((await api.get('/v1/messages/all', { key: mine })).status).toBe(200);
  });
});
