import { aKey, anError, type Api, aToken, aUser, made, received, sent, startApi } from '../../support/api.js';

let api: Api;
let user: string;
beforeAll(async () => {
  api = await startApi();
  user = aUser();
  for (let i = 1; i <= 7; i++)
    await (i % 2 ? received(api, user, { message: `m${i}`, agent_session_id: `${user}-a` }) : answered(i));
});
afterAll(() => api?.stop());

const answered = (i: number) =>
  sent(api, user, { payload: { content: `m${i}` }, agent_session_id: `${user}-b` });
const all = async (query = '', options = {}) =>
  made(await api.get(`/v1/messages/all?platform_user_id=${user}${query}`, options));
const contents = (list: any) => list.messages.map(({ payload }: any) => payload.content);

/** Follows `next_*` to the end: the contents of each page. */
async function walk(order: 'asc' | 'desc', limit: number, filter = ''): Promise<string[][]> {
  const pages: string[][] = [];
  for (let from = ''; ;) {
    const page = await all(`&order=${order}&limit=${limit}${from}${filter}`);
    pages.push(contents(page));
    const next = order === 'asc' ? page.next_after : page.next_before;
    if (next === null) return pages;
    from = order === 'asc' ? `&after=${next}` : `&before=${next}`;
  }
}

describe('GET /v1/messages/all', () => {
  it('lists the history oldest first, with its total', async () => {
    const list = await all();
    expect(contents(list)).toEqual(['m1', 'm2', 'm3', 'm4', 'm5', 'm6', 'm7']);
    expect(list).toEqual({ messages: expect.any(Array), total: 7, next_after: null });
  });

  it('writes each message as its own call answered it, byte for byte', async () => {
    const nobody = `${aUser()} "\\ü`;
    const messages = [await received(api, nobody, { message: 'a "b" \\ \n 😀' }), await sent(api, nobody)];
    const path = `/v1/messages/all?platform_user_id=${encodeURIComponent(nobody)}`;
    const answer = await fetch(api.server.url + path, { headers: { authorization: `Bearer ${api.key}` } });
    expect(await answer.text()).toBe(JSON.stringify({ messages, total: 2, next_after: null }));
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
  });

  it('lists it newest first with order=desc', async () => {
    const list = await all('&order=desc');
    expect(contents(list)).toEqual(['m7', 'm6', 'm5', 'm4', 'm3', 'm2', 'm1']);
    expect(list).toEqual({ messages: expect.any(Array), total: 7, next_before: null });
  });

  it('can be walked to the end in both directions', async () => {
    expect(await walk('asc', 3)).toEqual([['m1', 'm2', 'm3'], ['m4', 'm5', 'm6'], ['m7']]);
    expect(await walk('desc', 3)).toEqual([['m7', 'm6', 'm5'], ['m4', 'm3', 'm2'], ['m1']]);
    expect(await walk('asc', 7)).toEqual([['m1', 'm2', 'm3', 'm4', 'm5', 'm6', 'm7']]);
  });

  it('can be walked in one session', async () => {
    expect(await walk('asc', 2, `&agent_session_id=${user}-a`)).toEqual([
      ['m1', 'm3'],
      ['m5', 'm7'],
    ]);
    expect(await walk('desc', 2, `&agent_session_id=${user}-b`)).toEqual([['m6', 'm4'], ['m2']]);
    expect((await all(`&agent_session_id=${user}-b&limit=1`)).total).toBe(3);
  });

  it('takes after and before in both orders, both exclusive', async () => {
    expect(contents(await all('&after=2&before=6'))).toEqual(['m3', 'm4', 'm5']);
    expect(contents(await all('&after=2&before=6&order=desc'))).toEqual(['m5', 'm4', 'm3']);
    expect(contents(await all('&before=3'))).toEqual(['m1', 'm2']);
    expect(contents(await all('&after=5&order=desc'))).toEqual(['m7', 'm6']);
    expect(await all('&after=7')).toEqual({ messages: [], total: 7, next_after: null });
    expect(contents(await all('&before=1'))).toEqual([]);
    expect(contents(await all(`&after=${Number.MAX_SAFE_INTEGER}`))).toEqual([]);
  });

  it('is empty for a platform user or a session that nobody has heard of', async () => {
    const nobody = await api.get(`/v1/messages/all?platform_user_id=${aUser()}`);
    expect(nobody.body).toEqual({ messages: [], total: 0, next_after: null });
    expect(await all('&agent_session_id=nowhere')).toEqual({ messages: [], total: 0, next_after: null });
  });

  it('has no limit but 1 to 200, no order but asc and desc', async () => {
    for (const query of ['limit=0', 'limit=201', 'limit=-1', 'limit=2.5', 'limit=x', 'limit=', 'limit=1e2'])
      expect(await api.get(`/v1/messages/all?platform_user_id=${user}&${query}`)).toMatchObject(
        anError(422, 'invalid_parameter', ['limit']),
      );
    for (const [field, value] of [
      ['order', 'up'],
      ['after', '-1'],
      ['after', '99999999999999999999'],
      ['before', '0'],
      ['before', 'NaN'],
    ])
      expect(await api.get(`/v1/messages/all?platform_user_id=${user}&${field}=${value}`)).toMatchObject(
        anError(422, 'invalid_parameter', [field as string]),
      );
    expect((await all('&limit=200')).messages).toHaveLength(7);
  });

  it('is for the scopes user and agent, and for the user itself', async () => {
    const path = `/v1/messages/all?platform_user_id=${user}`;
    for (const [scope, status] of [
      ['user', 200],
      ['agent', 200],
      ['admin', 403],
    ] as const)
      expect((await api.get(path, await aKey(api, { scopes: [scope] }))).status).toBe(status);
    const key = await aToken(api, user);
    expect((await api.get('/v1/messages/all', { key })).body.total).toBe(7);
    expect(await api.get(path, { key: await aToken(api, aUser()) })).toMatchObject(
      anError(403, 'insufficient_permissions'),
    );
  });
});
