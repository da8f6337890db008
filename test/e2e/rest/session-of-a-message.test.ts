import {
  anError,
  type Api,
  aToken,
  aUser,
  made,
  received,
  sent,
  startApi,
  total,
} from '../../support/api.js';

let api: Api;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api?.stop());

const sessionOf = async (user: string) => (await received(api, user)).agent_session_id;
const setStatus = async (id: string, status: string) =>
  made(await api.patch(`/v1/sessions/${id}`, { status }));
const receive = (body: object, options = {}) =>
  api.post('/v1/message/receive', { message: 'x', ...body }, options);

describe('the session of a message that names none', () => {
  it('is a new one for a user who has none, and the same from then on', async () => {
    const user = aUser();
    const first = await sessionOf(user);
    expect(await sessionOf(user)).toBe(first);
    expect((await sent(api, user)).agent_session_id).toBe(first);
  });

  it('is the one that was spoken in last', async () => {
    const user = aUser();
    for (const name of ['a', 'b', 'a']) await received(api, user, { agent_session_id: user + name });
    expect(await sessionOf(user)).toBe(`${user}a`);
    await sent(api, user, { agent_session_id: `${user}b` });
    expect(await sessionOf(user)).toBe(`${user}b`);
  });

  it('is the one that was opened last, before anybody speaks in it', async () => {
    const user = aUser();
    await received(api, user, { agent_session_id: `${user}a` });
    await api.post('/v1/sessions', { platform_user_id: user, agent_session_id: `${user}b` });
    expect(await sessionOf(user)).toBe(`${user}b`);
  });

  it('is the most recent of those that are open', async () => {
    const user = aUser();
    for (const name of ['a', 'b', 'c']) await received(api, user, { agent_session_id: user + name });
    await setStatus(`${user}c`, 'closed');
    expect(await sessionOf(user)).toBe(`${user}b`);
    await setStatus(`${user}a`, 'closed');
    await setStatus(`${user}b`, 'closed');
    const fresh = await sessionOf(user);
    expect(fresh).toMatch(/^ses_/);
    await setStatus(`${user}b`, 'open');
    expect(await sessionOf(user)).toBe(fresh);
  });
});

describe('a session that a message creates', () => {
  it('is made by the first use of its id, and takes no position of its own', async () => {
    const user = aUser();
    expect(await received(api, user, { agent_session_id: user })).toMatchObject({
      agent_session_id: user,
      seq: 1,
    });
    expect((await received(api, user)).seq).toBe(2);
    expect((await api.get(`/v1/sessions/${user}`)).body).toMatchObject({
      platform_user_id: user,
      status: 'open',
      title: null,
    });
  });

  it('is made once by many at once', async () => {
    const user = aUser();
    await Promise.all(Array.from({ length: 20 }, () => received(api, user, { agent_session_id: user })));
    expect((await api.get(`/v1/sessions?platform_user_id=${user}`)).body.sessions).toHaveLength(1);
    expect(await total(api, user)).toBe(20);
  });

  it('belongs to the first of many users who want it at once', async () => {
    const id = aUser();
    const users = Array.from({ length: 10 }, aUser);
    const answers = await Promise.all(
      users.map((platform_user_id) => receive({ platform_user_id, agent_session_id: id })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([
      201,
      ...Array.from({ length: 9 }, () => 409),
    ]);
    expect((await api.get(`/v1/sessions/${id}/messages`)).body.total).toBe(1);
  });
});

describe('a session that cannot be written to', () => {
  it('is a closed one: 409, and it stays closed', async () => {
    const user = aUser();
    await received(api, user, { agent_session_id: user });
    await setStatus(user, 'closed');
    expect(await receive({ platform_user_id: user, agent_session_id: user })).toMatchObject(
      anError(409, 'resource_conflict'),
    );
    const message = { payload: { content: 'x' }, agent_session_id: user };
    expect(await api.post('/v1/message/send', { platform_user_id: user, message })).toMatchObject(
      anError(409, 'resource_conflict'),
    );
    expect((await api.get(`/v1/sessions/${user}`)).body.status).toBe('closed');
    expect(await total(api, user)).toBe(1);
    await setStatus(user, 'open');
    expect((await receive({ platform_user_id: user, agent_session_id: user })).status).toBe(201);
  });

  it('is another platform user’s: 409, and nothing is written for either', async () => {
    const [owner, user] = [aUser(), aUser()];
    await received(api, owner, { agent_session_id: owner });
    const body = { platform_user_id: user, agent_session_id: owner };
    expect(await receive(body)).toMatchObject(anError(409, 'resource_conflict'));
    expect(await receive({ agent_session_id: owner }, { key: await aToken(api, user) })).toMatchObject(
      anError(409, 'resource_conflict'),
    );
    const message = { payload: { content: 'x' }, agent_session_id: owner };
    expect(await api.post('/v1/message/send', { platform_user_id: user, message })).toMatchObject(
      anError(409, 'resource_conflict'),
    );
    expect([await total(api, owner), await total(api, user)]).toEqual([1, 0]);
  });
});
