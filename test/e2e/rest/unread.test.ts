import { aKey, type Api, aToken, aUser, made, received, sent, startApi } from '../../support/api.js';

let api: Api;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api?.stop());

const unread = async (user: string, query = '', options = {}) =>
  made(await api.get(`/v1/messages/unread?platform_user_id=${user}${query}`, options));
const seqsOf = (list: any) => list.messages.map(({ seq }: any) => seq);

describe('GET /v1/messages/unread', () => {
  it('is empty for a platform user that nobody has heard of', async () => {
    expect(await unread(aUser())).toEqual({ messages: [], unread_count: 0, next_after: null });
  });

  it('lists messages of assistant and system, oldest first, never those of the user', async () => {
    const user = aUser();
    await sent(api, user);
    await received(api, user);
    await sent(api, user, { payload: { content: 'x', sender: 'system' } });
    const list = await unread(user);
    expect(seqsOf(list)).toEqual([1, 3]);
    expect(list).toMatchObject({ unread_count: 2, next_after: null });
    expect(list.messages.every(({ read }: any) => read === false)).toBe(true);
  });

  it('marks nothing read', async () => {
    const user = aUser();
    await sent(api, user);
    const first = await unread(user);
    expect(await unread(user)).toEqual(first);
  });

  it('leaves out what was read or deleted', async () => {
    const user = aUser();
    const messages = [];
    for (let i = 0; i < 4; i++) messages.push(await sent(api, user));
    made(await api.post('/v1/messages/read', { platform_user_id: user, up_to_seq: 1 }));
    made(await api.post('/v1/messages/read', { platform_user_id: user, message_ids: [messages[2].id] }));
    made(await api.delete(`/v1/messages/${messages[3].id}`));
    const list = await unread(user);
    expect(seqsOf(list)).toEqual([2]);
    expect(list.unread_count).toBe(1);
  });

  it('pages to the end by next_after; unread_count counts what is on no page, too', async () => {
    const user = aUser();
    for (let i = 0; i < 5; i++) await sent(api, user);
    const pages = [];
    for (let after = 0; ;) {
      const page = await unread(user, `&limit=2&after=${after}`);
      pages.push(seqsOf(page));
      expect(page.unread_count).toBe(5);
      if (page.next_after === null) break;
      after = page.next_after;
    }
    expect(pages).toEqual([[1, 2], [3, 4], [5]]);
  });

  it('has pages of 50 unless told, and of 200 at most', async () => {
    const user = aUser();
    await Promise.all(Array.from({ length: 201 }, () => sent(api, user)));
    expect((await unread(user)).messages).toHaveLength(50);
    const list = await unread(user, '&limit=200');
    expect(list.messages).toHaveLength(200);
    expect(list).toMatchObject({ unread_count: 201, next_after: 200 });
  });

  it('can be asked for one session', async () => {
    const user = aUser();
    await sent(api, user, { agent_session_id: `${user}-a` });
    await sent(api, user, { agent_session_id: `${user}-b` });
    const list = await unread(user, `&agent_session_id=${user}-b`);
    expect(seqsOf(list)).toEqual([2]);
    expect(list.unread_count).toBe(1);
  });

  it('is for the scopes user and agent, and for the user itself', async () => {
    const user = aUser();
    await sent(api, user);
    for (const scope of ['user', 'agent']) {
      const { key } = await aKey(api, { scopes: [scope] });
      expect((await unread(user, '', { key })).unread_count).toBe(1);
    }
    const { key: admin } = await aKey(api, { scopes: ['admin'] });
    expect((await api.get(`/v1/messages/unread?platform_user_id=${user}`, { key: admin })).status).toBe(403);
    const key = await aToken(api, user);
    expect(made(await api.get('/v1/messages/unread', { key })).unread_count).toBe(1);
    expect((await api.get(`/v1/messages/unread?platform_user_id=${aUser()}`, { key })).status).toBe(403);
  });
});
