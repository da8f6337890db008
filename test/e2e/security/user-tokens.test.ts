import { aUser, startTestNode, type TestNode } from '../../support/node.js';
import { methodOf, missingThings, ROUTES, someThings, type Things } from './routes.js';

let node: TestNode;
let mine: Things;
let theirs: Things; // of another platform user of the same account
let token: string;

beforeAll(async () => {
  node = await startTestNode();
  [mine, theirs] = [await someThings(node, aUser()), await someThings(node, aUser())];
  token = await node.token(mine.user);
});
afterAll(() => node.stop());

const rules = Object.entries(ROUTES);
const names = (by: string, allowed: boolean): string[] =>
  rules.filter(([, route]) => route.by === by && route.token === allowed).map(([name]) => name);

async function ask(name: string, things: Things) {
  const { path, body } = ROUTES[name]!.request(things, 'token');
  const { status, text, body: answer } = await node.call(methodOf(name), path, body, token);
  return { status, text, code: answer?.error?.code as string | undefined };
}

async function logOf(user: string): Promise<unknown[]> {
  const sql = `SELECT to_json(m) FROM messages m JOIN platform_users u ON u.id = m.user_id WHERE u.platform_user_id = $1
               UNION ALL SELECT to_json(u) FROM platform_users u WHERE u.platform_user_id = $1
               UNION ALL SELECT to_json(s) FROM sessions s JOIN platform_users u ON u.id = s.user_id WHERE u.platform_user_id = $1`;
  return (await node.query(sql, [user])).map((row) => JSON.stringify(row)).sort();
}

describe('A user token that names another platform user is refused', () => {
  it.each(names('user', true))('%s', async (name) => {
    const before = await logOf(theirs.user);
    expect(await ask(name, theirs)).toMatchObject({ status: 403, code: 'insufficient_permissions' });
    expect(await ask(name, { ...theirs, user: aUser() })).toMatchObject({ status: 403 });
    expect(await logOf(theirs.user)).toEqual(before);
  });
});

describe('For a user token, an id of another platform user does not exist', () => {
  it.each(names('id', true))('%s', async (name) => {
    const before = await logOf(theirs.user);
    const { status, text } = await ask(name, theirs);
    expect({ status, text }).toEqual({ status: 404, text: (await ask(name, missingThings(mine.user))).text });
    expect(await logOf(theirs.user)).toEqual(before);
  });

  it('POST /v1/messages/read with message_ids', async () => {
    const { status } = await node.call(
      'POST',
      '/v1/messages/read',
      { message_ids: [theirs.answered] },
      token,
    );
    expect(status).toBe(404);
  });

  it('a list of their session is empty', async () => {
    for (const list of ['all', 'unread']) {
      const { messages } = await node.ok(
        'GET',
        `/v1/messages/${list}?agent_session_id=${theirs.session}`,
        undefined,
        token,
      );
      expect(messages).toEqual([]);
    }
  });
});

describe('A user token cannot send, mint, revoke or manage keys, not even for its own platform user', () => {
  it.each([...names('user', false), ...names('id', false), ...names('nothing', false)])(
    '%s',
    async (name) => {
      expect(await ask(name, mine)).toMatchObject({ status: 403, code: 'insufficient_permissions' });
    },
  );

  it('what stands in that list is what the contract says', () => {
    const refused = rules.filter(([, route]) => !route.token).map(([name]) => name);
    expect(refused).toEqual(
      expect.arrayContaining([
        'POST /v1/message/send',
        'POST /v1/messages/send',
        'POST /v1/tokens',
        'POST /v1/api-keys',
      ]),
    );
  });
});

describe('A user token speaks as the user and nobody else', () => {
  it.each(['assistant', 'system'])('not as %s', async (sender) => {
    const body = { message: { payload: { content: 'x', sender } } };
    const answer = await node.call('POST', '/v1/message/receive', body, token);
    expect(answer).toMatchObject({ status: 422, body: { error: { code: 'invalid_parameter' } } });
  });

  it('nor by an edit afterwards', async () => {
    const body = { payload: { sender: 'assistant' } };
    expect((await node.call('PATCH', `/v1/messages/${mine.said}`, body, token)).status).toBe(422);
  });

  it('without a name it is its own platform user, on every list', async () => {
    const { messages } = await node.ok('GET', '/v1/messages/all', undefined, token);
    expect(new Set(messages.map((message: any) => message.platform_user_id))).toEqual(new Set([mine.user]));
    const { sessions } = await node.ok('GET', '/v1/sessions', undefined, token);
    expect(new Set(sessions.map((session: any) => session.platform_user_id))).toEqual(new Set([mine.user]));
  });
});

describe('The agent’s memory is never shown to a user token', () => {
  const SECRET = 'what the agent thinks of the customer';
  const gets = rules.filter(([name, route]) => route.token && name.startsWith('GET ')).map(([name]) => name);

  beforeAll(async () => {
    await node.ok('PATCH', `/v1/sessions/${mine.session}`, { context: { note: SECRET } });
    const { context } = await node.ok('GET', `/v1/sessions/${mine.session}`);
    expect(context).toEqual({ note: SECRET });
  });

  it.each(gets)('%s', async (name) => {
    const { status, text } = await ask(name, mine);
    expect(status).toBe(200);
    expect(text).not.toContain(SECRET);
  });

  it('nor when it changes the session', async () => {
    const { status, text, body } = await node.call(
      'PATCH',
      `/v1/sessions/${mine.session}`,
      { title: 'mine' },
      token,
    );
    expect([status, body.context]).toEqual([200, {}]);
    expect(text).not.toContain(SECRET);
    const { context } = await node.ok('GET', `/v1/sessions/${mine.session}`);
    expect(context).toEqual({ note: SECRET }); // and it is still there
  });

  it('and it cannot set it, nor route', async () => {
    for (const body of [
      { context: {} },
      { context: { note: 1 }, context_mode: 'merge' },
      { agent_id: 'x' },
    ]) {
      expect((await node.call('PATCH', `/v1/sessions/${mine.session}`, body, token)).status).toBe(403);
      expect((await node.call('POST', '/v1/sessions', body, token)).status).toBe(
        body.context_mode ? 422 : 403,
      );
    }
  });
});
