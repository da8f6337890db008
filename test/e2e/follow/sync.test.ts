import { aUser, startTestNode, type TestNode } from '../../support/node.js';
import { closeSockets } from '../../support/socket.js';

let node: TestNode;
beforeAll(async () => void (node = await startTestNode()));
afterEach(closeSockets);
afterAll(() => node.stop());

const sync = (user: string, query = '', credential?: string) =>
  node.ok('GET', `/v1/sync?platform_user_id=${user}${query}`, undefined, credential);

/** A log with every kind of entry in it, and what is there in the end. */
async function anEventfulLog(user: string) {
  const [first, second] = [`${user}-one`, `${user}-two`];
  const inSession = (agent_session_id: string, content: string) => ({
    message: { payload: { content }, agent_session_id },
  });
  const a = await node.send(user, '', inSession(first, 'a')); // 1, and a session
  const b = await node.send(user, '', inSession(second, 'b')); // 2, and a session
  const c = await node.receive(user, 'c', { agent_session_id: first }); // 3
  await node.ok('PATCH', `/v1/messages/${a.id}`, { content: 'a, edited' }); // 4
  await node.ok('DELETE', `/v1/messages/${b.id}`); // 5
  const d = await node.send(user, '', inSession(first, 'd')); // 6
  await node.ok('PUT', `/v1/messages/${d.id}/read`); // 7
  await node.ok('PATCH', `/v1/sessions/${second}`, { title: 'Renamed', status: 'closed' }); // 8
  await node.ok('PATCH', `/v1/messages/${a.id}`, { content: 'a, edited again' }); // 9
  await node.receive(user, 'e', { agent_session_id: first }); // 10
  await node.ok('PATCH', `/v1/messages/${c.id}`, { content: 'c, edited' }); // 11
  const { messages } = await node.ok('GET', `/v1/messages/all?platform_user_id=${user}`);
  const sessions = await Promise.all([first, second].map((id) => node.ok('GET', `/v1/sessions/${id}`)));
  return { messages, sessions, head: 11 };
}

const byId = (items: any[]) =>
  Object.fromEntries(items.map((item) => [item.agent_session_id + (item.id ?? ''), item]));

/** Pages from a position to the end as a client does, and keeps the latest it was told of everything. */
async function pageThrough(ask: (after: number) => Promise<any>, after = 0) {
  const messages = new Map<string, any>();
  const sessions = new Map<string, any>();
  const pages = [];
  for (let position = after; ;) {
    const page = await ask(position);
    pages.push(page);
    expect(page.from).toBe(position);
    for (const message of page.messages) messages.set(message.id, message);
    for (const session of page.sessions) sessions.set(session.agent_session_id, session);
    if (page.complete) return { messages: [...messages.values()], sessions: [...sessions.values()], pages };
    expect(page.to).toBeGreaterThan(position);
    position = page.to;
  }
}

describe('GET /v1/sync', () => {
  it('is empty for a platform user that nobody has heard of', async () => {
    expect(await sync(aUser())).toEqual({
      epoch: expect.stringMatching(/^\S+$/),
      from: 0,
      to: 0,
      complete: true,
      reset: false,
      messages: [],
      sessions: [],
      read_seq: 0,
      unread_count: 0,
    });
  });

  it('gives each message and session once, in its latest state', async () => {
    const user = aUser();
    const { messages, sessions, head } = await anEventfulLog(user);
    const answer = await sync(user);
    expect(answer).toMatchObject({ from: 0, to: head, complete: true, reset: false, unread_count: 1 });
    expect(answer.messages).toHaveLength(messages.length);
    expect(byId(answer.messages)).toEqual(byId(messages));
    expect(answer.sessions).toHaveLength(2);
    expect(byId(answer.sessions)).toEqual(byId(sessions));
  });

  it('comes to the same in pages of every size', async () => {
    const user = aUser();
    const { messages, sessions, head } = await anEventfulLog(user);
    for (let limit = 1; limit <= head + 3; limit++) {
      const paged = await pageThrough((after) => sync(user, `&after=${after}&limit=${limit}`));
      expect(byId(paged.messages)).toEqual(byId(messages));
      expect(byId(paged.sessions)).toEqual(byId(sessions));
      expect(paged.pages.at(-1).to).toBe(head);
      // A message and the session that it made share a position, and are not torn apart.
      for (const { messages: some, sessions: others } of paged.pages)
        expect(some.length + others.length).toBeLessThanOrEqual(Math.max(limit, 2));
    }
  });

  it('continues from every position with what changed after it, and nothing else', async () => {
    const user = aUser();
    const { messages, sessions, head } = await anEventfulLog(user);
    for (let after = 0; after <= head; after++) {
      const answer = await sync(user, `&after=${after}`);
      const changed = (item: any) => item.updated_seq > after;
      expect(byId(answer.messages)).toEqual(byId(messages.filter(changed)));
      expect(byId(answer.sessions)).toEqual(byId(sessions.filter(changed)));
      expect(answer).toMatchObject({ from: after, to: head, complete: true });
    }
  });

  it('misses nothing while others write', async () => {
    const user = aUser();
    let writing = true;
    const writers = Promise.all(
      [0, 1, 2].map(async (writer) => {
        for (let i = 0; i < 25; i++) {
          const { id } = await node.send(user, `writer ${writer}, message ${i}`);
          if (i % 3 === 0) await node.ok('PATCH', `/v1/messages/${id}`, { content: 'edited' });
        }
      }),
    ).then(() => void (writing = false));
    const known = new Map<string, any>();
    let position = 0;
    const look = async (): Promise<void> => {
      const { messages, pages } = await pageThrough(
        (after) => sync(user, `&after=${after}&limit=7`),
        position,
      );
      for (const message of messages) known.set(message.id, message);
      position = pages.at(-1).to;
    };
    while (writing) await look();
    await writers;
    await look();
    const { messages } = await node.ok('GET', `/v1/messages/all?limit=200&platform_user_id=${user}`);
    expect(byId([...known.values()])).toEqual(byId(messages));
    expect(position).toBe(75 + 27);
  });

  it('tells the read state, also when that is all that has changed', async () => {
    const user = aUser();
    for (const text of ['a', 'b', 'c']) await node.send(user, text);
    expect(await sync(user, '&after=3')).toMatchObject({ read_seq: 0, unread_count: 3 });
    await node.ok('POST', '/v1/messages/read', { platform_user_id: user, up_to_seq: 2 });
    expect(await sync(user, '&after=3')).toMatchObject({
      ...{ from: 3, to: 3, complete: true, messages: [] },
      ...{ read_seq: 2, unread_count: 1 },
    });
    const { messages } = await sync(user);
    expect(messages.map(({ read }: any) => read)).toEqual([true, true, false]);
  });

  it('names one epoch for a user, which ready names too', async () => {
    const [user, other] = [aUser(), aUser()];
    const { epoch } = await sync(user);
    await node.send(user, 'a');
    expect((await sync(user)).epoch).toBe(epoch);
    expect((await sync(other)).epoch).not.toBe(epoch);
    expect((await (await node.device(user)).next('ready')).epoch).toBe(epoch);
    expect(await sync(user, `&epoch=${epoch}`)).toMatchObject({ reset: false, to: 1 });
  });

  it.each([
    ['another epoch', '&after=1&epoch=another'],
    ['another epoch, from the beginning', '&epoch=another'],
    ['a position beyond the head', '&after=3'],
    ['the last position there is', `&after=${Number.MAX_SAFE_INTEGER}`],
  ])('resets a client that remembers %s', async (_, query) => {
    const user = aUser();
    await node.send(user, 'a');
    await node.send(user, 'b');
    const answer = await sync(user, query);
    expect(answer).toMatchObject({ reset: true, complete: true, to: 2, messages: [], sessions: [] });
    expect(answer.unread_count).toBe(2);
  });

  it('shows the agent’s memory to keys, and never to user tokens', async () => {
    const user = aUser();
    const { agent_session_id } = await node.send(user, 'a');
    await node.ok('PATCH', `/v1/sessions/${agent_session_id}`, { context: { secret: 'plan' } });
    const token = await node.token(user);
    expect((await sync(user)).sessions).toMatchObject([{ context: { secret: 'plan' } }]);
    expect((await sync(user, '', token)).sessions).toMatchObject([{ agent_session_id, context: {} }]);
    const device = await node.device(user, { token });
    expect((await device.command('sync', { after: 0 })).data.sessions).toMatchObject([{ context: {} }]);
  });

  it('is for the scope user and the user itself', async () => {
    const user = aUser();
    const [agent, reader] = await Promise.all(
      ['agent', 'user'].map((scope) => node.newKey({ scopes: [scope] })),
    );
    const status = async (credential: string, path = `/v1/sync?platform_user_id=${user}`) =>
      (await node.call('GET', path, undefined, credential)).status;
    expect(await status(agent.key)).toBe(403);
    expect(await status(reader.key)).toBe(200);
    expect(await status(await node.token(user), '/v1/sync')).toBe(200);
    expect(await status(await node.token(aUser()))).toBe(403);
  });

  it.each(['after=-1', 'after=x', 'after=1.5', 'limit=0', 'limit=501', `epoch=${'x'.repeat(65)}`])(
    'refuses %s',
    async (query) => {
      const answer = await node.call('GET', `/v1/sync?platform_user_id=${aUser()}&${query}`);
      expect(answer).toMatchObject({ status: 422, body: { error: { code: 'invalid_parameter' } } });
      expect(Object.keys(answer.body.error.details.fields)).toEqual([query.split('=')[0]]);
    },
  );
});

describe('sync over a socket', () => {
  it('answers as over REST, page by page', async () => {
    const user = aUser();
    const { messages, sessions } = await anEventfulLog(user);
    const device = await node.device(user, { api_key: node.key, platform_user_id: user });
    for (const body of [{}, { after: 4 }, { after: 0, limit: 3 }, { after: 99 }, { epoch: 'another' }]) {
      const query = Object.entries(body).map(([name, value]) => `&${name}=${value}`);
      const { ok, data } = await device.command('sync', body);
      expect(ok).toBe(true);
      expect(data).toEqual(await sync(user, query.join('')));
    }
    const paged = await pageThrough(
      async (after) => (await device.command('sync', { after, limit: 2 })).data,
    );
    expect(byId(paged.messages)).toEqual(byId(messages));
    expect(byId(paged.sessions)).toEqual(byId(sessions));
  });

  it('refuses another platform user, and what is no position', async () => {
    const device = await node.device(aUser());
    expect(await device.command('sync', { platform_user_id: aUser() })).toMatchObject({
      ok: false,
      error: { code: 'insufficient_permissions' },
    });
    for (const body of [{ after: '1' }, { after: -1 }, { limit: 0 }, { limit: 501 }])
      expect(await device.command('sync', body)).toMatchObject({
        ok: false,
        error: { code: 'invalid_parameter', details: { fields: expect.any(Object) } },
      });
  });
});
