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

const create = async (body: object) => made(await api.post('/v1/sessions', body));
const patch = (id: string, body: object, options = {}) => api.patch(`/v1/sessions/${id}`, body, options);

describe('POST /v1/sessions', () => {
  it('opens a session with an id of its own', async () => {
    const user = aUser();
    expect(await api.post('/v1/sessions', { platform_user_id: user })).toMatchObject({ status: 201 });
    expect(await create({ platform_user_id: user })).toEqual({
      agent_session_id: expect.stringMatching(/^ses_/),
      platform_user_id: user,
      title: null,
      status: 'open',
      agent_id: null,
      context: {},
      metadata: {},
      updated_seq: 2,
      created_at: expect.stringMatching(TIME),
      last_message_at: null,
    });
  });

  it('takes an id of the caller’s choice, and everything else that a session holds', async () => {
    const user = aUser();
    const body = {
      platform_user_id: user,
      agent_session_id: `order/42 ü 😀 ${user}`,
      title: 'Late delivery',
      agent_id: 'support-bot',
      context: { order: 'A-1042', constructor: { toString: 1 } },
      metadata: { a: null },
    };
    const session = await create(body);
    expect(session).toMatchObject(body);
    expect((await api.get(`/v1/sessions/${encodeURIComponent(body.agent_session_id)}`)).body).toEqual(
      session,
    );
  });

  it('takes ids of 255 characters, and finds them again', async () => {
    for (const id of ['x'.repeat(255), 'ж'.repeat(255), '😀'.repeat(255)]) {
      await create({ platform_user_id: aUser(), agent_session_id: id });
      expect((await api.get(`/v1/sessions/${encodeURIComponent(id)}`)).body.agent_session_id).toBe(id);
    }
  });

  it('answers 409 for an id that is taken, also by another platform user', async () => {
    const user = aUser();
    await create({ platform_user_id: user, agent_session_id: user });
    for (const platform_user_id of [user, aUser()])
      expect(await api.post('/v1/sessions', { platform_user_id, agent_session_id: user })).toMatchObject(
        anError(409, 'resource_conflict'),
      );
    expect((await api.get(`/v1/sessions?platform_user_id=${user}`)).body.sessions).toHaveLength(1);
  });

  it('takes null for absence', async () => {
    const nothing = { agent_session_id: null, title: null, agent_id: null, context: null, metadata: null };
    expect(await create({ platform_user_id: aUser(), ...nothing })).toMatchObject({
      agent_session_id: expect.stringMatching(/^ses_/),
      context: {},
      metadata: {},
    });
  });

  it('refuses wrong values', async () => {
    const platform_user_id = aUser();
    for (const [field, value] of [
      ['title', 5],
      ['title', 'x'.repeat(501)],
      ['agent_id', ''],
      ['agent_id', 'a\nb'],
      ['context', []],
      ['context', 'x'],
      ['metadata', 7],
      ['agent_session_id', ''],
      ['agent_session_id', 'x'.repeat(256)],
      ['agent_session_id', 'a\u0007'],
      ['status', 'closed'],
    ] as const)
      expect(await api.post('/v1/sessions', { platform_user_id, [field]: value })).toMatchObject(
        anError(422, 'invalid_parameter', [field]),
      );
    expect((await api.get(`/v1/sessions?platform_user_id=${platform_user_id}`)).body.sessions).toEqual([]);
  });
});

describe('GET /v1/sessions', () => {
  it('lists the sessions of a platform user, newest first, page by page', async () => {
    const user = aUser();
    const ids = [];
    for (let i = 0; i < 5; i++) ids.unshift((await create({ platform_user_id: user })).agent_session_id);
    await create({ platform_user_id: aUser() });
    const pages = [];
    for (let cursor = ''; ;) {
      const page = made(await api.get(`/v1/sessions?platform_user_id=${user}&limit=2${cursor}`));
      pages.push(page.sessions.map((session: any) => session.agent_session_id));
      if (page.next_cursor === null) break;
      cursor = `&cursor=${page.next_cursor}`;
    }
    expect(pages).toEqual([ids.slice(0, 2), ids.slice(2, 4), ids.slice(4)]);
  });

  it('can be asked for open or closed ones', async () => {
    const user = aUser();
    const [open, closed] = [
      await create({ platform_user_id: user }),
      await create({ platform_user_id: user }),
    ];
    await patch(closed.agent_session_id, { status: 'closed' });
    const list = async (status: string) =>
      made(await api.get(`/v1/sessions?platform_user_id=${user}&status=${status}`)).sessions;
    expect(await list('open')).toEqual([open]);
    expect(await list('closed')).toMatchObject([
      { agent_session_id: closed.agent_session_id, status: 'closed' },
    ]);
  });

  it('is empty for a platform user that nobody has heard of', async () => {
    expect((await api.get(`/v1/sessions?platform_user_id=${aUser()}`)).body).toEqual({
      sessions: [],
      next_cursor: null,
    });
  });

  it('takes no cursor that it did not make', async () => {
    const user = aUser();
    await create({ platform_user_id: user });
    const texts = [
      '',
      '{}',
      '[]',
      '[1,2]',
      '["1","x"]',
      '["2026-11-23T10:00:00.000Z","\\u0000"]',
      '["infinity","x"]',
    ];
    for (const cursor of ['!', 'x', ...texts.map((text) => Buffer.from(text).toString('base64url') || '%20')])
      expect(await api.get(`/v1/sessions?platform_user_id=${user}&cursor=${cursor}`)).toMatchObject(
        anError(422, 'invalid_parameter', ['cursor']),
      );
  });
});

describe('GET /v1/sessions/{agent_session_id}', () => {
  it('says when the last message came', async () => {
    const user = aUser();
    await received(api, user, { agent_session_id: user });
    const last = await sent(api, user, { agent_session_id: user });
    const { body } = await api.get(`/v1/sessions/${user}`);
    expect(body).toMatchObject({ agent_session_id: user, updated_seq: 1, last_message_at: last.created_at });
  });

  it('has a history of its own', async () => {
    const user = aUser();
    for (const session of ['a', 'b', 'a', 'a'])
      await received(api, user, { agent_session_id: user + session });
    const history = async (query: string) => made(await api.get(`/v1/sessions/${user}a/messages${query}`));
    const seqs = (list: any) => list.messages.map(({ seq }: any) => seq);
    expect(await history('')).toMatchObject({ total: 3, next_after: null });
    expect(seqs(await history(''))).toEqual([1, 3, 4]);
    const page = await history('?limit=2&order=desc');
    expect([seqs(page), page.next_before]).toEqual([[4, 3], 3]);
    expect(seqs(await history('?limit=2&order=desc&before=3'))).toEqual([1]);
    expect(seqs(await history('?after=1&limit=1'))).toEqual([3]);
  });

  it('does not exist when nobody made it', async () => {
    for (const path of ['nowhere', 'nowhere/messages', '%00', '%00/messages', 'x'.repeat(3000)])
      expect(await api.get(`/v1/sessions/${path}`)).toMatchObject(anError(404, 'resource_not_found'));
    expect(await patch('nowhere', { title: 'x' })).toMatchObject(anError(404, 'resource_not_found'));
    expect(await patch('%00', { title: 'x' })).toMatchObject(anError(404, 'resource_not_found'));
  });
});

describe('PATCH /v1/sessions/{agent_session_id}', () => {
  const aSession = async (more: object = {}) => create({ platform_user_id: aUser(), ...more });

  it('renames, routes, closes and reopens, each at a position of its own', async () => {
    const { agent_session_id: id } = await aSession();
    expect((await patch(id, { title: 'A' })).body).toMatchObject({ title: 'A', updated_seq: 2 });
    expect((await patch(id, { agent_id: 'bot' })).body).toMatchObject({ agent_id: 'bot', updated_seq: 3 });
    expect((await patch(id, { status: 'closed' })).body).toMatchObject({ status: 'closed', updated_seq: 4 });
    expect((await patch(id, { status: 'open' })).body).toMatchObject({ status: 'open', updated_seq: 5 });
    expect((await patch(id, { title: null, agent_id: null })).body).toMatchObject({
      title: null,
      agent_id: null,
      updated_seq: 6,
    });
    expect((await api.get(`/v1/sessions/${id}`)).body.updated_seq).toBe(6);
  });

  it('replaces context and metadata', async () => {
    const { agent_session_id: id } = await aSession({ context: { a: 1 }, metadata: { b: 1 } });
    const { body } = await patch(id, { context: { c: 2 }, metadata: { d: 2 } });
    expect([body.context, body.metadata]).toEqual([{ c: 2 }, { d: 2 }]);
    expect((await patch(id, { context: {} })).body).toMatchObject({ context: {}, metadata: { d: 2 } });
  });

  it('merges context when asked: null removes, objects merge, lists replace', async () => {
    const { agent_session_id: id } = await aSession({ context: { a: 1, b: { c: 1, d: [1, 2] }, e: 5 } });
    const context = { a: null, b: { d: [3], f: { g: null } }, h: 'new' };
    expect((await patch(id, { context, context_mode: 'merge' })).body.context).toEqual({
      b: { c: 1, d: [3], f: {} },
      e: 5,
      h: 'new',
    });
  });

  it('changes nothing, and takes no position, when nothing changes', async () => {
    const session = await aSession({ title: 'A', context: { a: 1 } });
    const id = session.agent_session_id;
    const same = [
      {},
      { title: 'A' },
      { context: { a: 1 } },
      { context: {}, context_mode: 'merge' },
      { metadata: null },
    ];
    for (const body of same) expect((await patch(id, body)).body).toEqual(session);
  });

  it('refuses wrong values', async () => {
    const session = await aSession();
    for (const [field, value] of [
      ['status', 'archived'],
      ['title', 'x'.repeat(501)],
      ['context', [1]],
      ['context_mode', 'add'],
      ['agent_id', 5],
      ['platform_user_id', 'x'],
      ['agent_session_id', 'x'],
    ] as const)
      expect(await patch(session.agent_session_id, { [field]: value })).toMatchObject(
        anError(422, 'invalid_parameter', [field]),
      );
    expect((await api.get(`/v1/sessions/${session.agent_session_id}`)).body).toEqual(session);
  });
});

describe('sessions and who may what', () => {
  it('are for the scopes user and agent', async () => {
    const { key } = await aKey(api, { scopes: ['admin'] });
    const body = { platform_user_id: aUser() };
    expect((await api.post('/v1/sessions', body, { key })).status).toBe(403);
    for (const scope of ['user', 'agent'])
      expect((await api.post('/v1/sessions', body, await aKey(api, { scopes: [scope] }))).status).toBe(201);
  });

  it('let a user token see its own sessions, without the agent’s memory', async () => {
    const user = aUser();
    const key = await aToken(api, user);
    const session = await create({ platform_user_id: user, agent_session_id: user, context: { secret: 1 } });
    expect((await api.get(`/v1/sessions/${user}`, { key })).body).toEqual({ ...session, context: {} });
    expect((await api.get('/v1/sessions', { key })).body.sessions).toEqual([{ ...session, context: {} }]);
    expect((await patch(user, { title: 'Mine' }, { key })).body).toMatchObject({
      title: 'Mine',
      context: {},
    });
    for (const body of [{ context: {} }, { agent_id: 'x' }])
      expect(await patch(user, body, { key })).toMatchObject(anError(403, 'insufficient_permissions'));
    expect((await api.get(`/v1/sessions/${user}`)).body.context).toEqual({ secret: 1 });
  });

  it('do not exist for another user’s token', async () => {
    const user = aUser();
    await create({ platform_user_id: user, agent_session_id: user });
    const key = await aToken(api, aUser());
    for (const path of [user, `${user}/messages`])
      expect(await api.get(`/v1/sessions/${path}`, { key })).toMatchObject(
        anError(404, 'resource_not_found'),
      );
    expect(await patch(user, { title: 'x' }, { key })).toMatchObject(anError(404, 'resource_not_found'));
    expect((await api.get(`/v1/sessions?platform_user_id=${user}`, { key })).status).toBe(403);
  });
});
