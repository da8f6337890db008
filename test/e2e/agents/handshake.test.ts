import { connectAgent, dialAgent, toldOf } from '../../support/agent.js';
import { eventually } from '../../support/eventually.js';
import { aUser, cli, startTestNode, type TestNode } from '../../support/node.js';
import { closeSockets, connect, refusal } from '../../support/socket.js';

const LIMIT = 3;
let node: TestNode;
beforeAll(
  async () => void (node = await startTestNode({ MAX_AGENT_CONNECTIONS: String(LIMIT), INBOX_LIMIT: '2' })),
);
afterEach(closeSockets);
afterEach(async () => void (await node.query('DELETE FROM inbox')));
afterAll(() => node.stop());

const refusedWith = (auth: object): Promise<any> => refusal(`${node.url}/agents`, { ...auth });

describe('A handshake of an agent', () => {
  it.each([['websocket'], ['polling']])(
    'is admitted with a key of the scope agent, over %s',
    async (transport) => {
      const { key } = await node.newKey({ scopes: ['agent'] });
      const bot = await connectAgent(
        node.url,
        { api_key: key, agent_id: 'bot' },
        { transports: [transport] },
      );
      expect(await bot.next('ready')).toEqual({ agent_id: 'bot', pending: 0 });
      const user = aUser();
      const { agent_session_id } = await node.receive(user, 'hello');
      expect((await bot.next('inbox')).messages).toHaveLength(1);
      const message = { payload: { content: 'hi' }, agent_session_id };
      expect(await bot.command('message:send', { platform_user_id: user, message })).toMatchObject({
        ok: true,
      });
    },
  );

  it.each<[string, object, string]>([
    ['without a credential', {}, 'missing_api_key'],
    ['with a credential that is null', { api_key: null }, 'missing_api_key'],
    ['with an empty key', { api_key: '' }, 'invalid_api_key'],
    ['with an unknown key', { api_key: 'parley_unknown' }, 'invalid_api_key'],
    ['with a key that is no text', { api_key: 5 }, 'invalid_parameter'],
    ['with a name that is none', { api_key: 'x', agent_id: '' }, 'invalid_parameter'],
    ['with a name that has a NUL', { api_key: 'x', agent_id: 'a\u0000' }, 'invalid_parameter'],
  ])('is refused %s', async (_, auth, code) => {
    expect(await refusedWith(auth)).toEqual({
      code,
      message: expect.any(String),
      details: expect.any(Object),
    });
  });

  it('is refused with a user token, and with keys of other scopes', async () => {
    const token = await node.token(aUser());
    expect((await refusedWith({ token })).code).toBe('missing_api_key');
    expect((await refusedWith({ api_key: token })).code).toBe('invalid_api_key');
    for (const scope of ['user', 'admin']) {
      const { key } = await node.newKey({ scopes: [scope] });
      expect(await refusedWith({ api_key: key })).toEqual({
        code: 'insufficient_permissions',
        message: 'This needs the scope agent.',
        details: { scopes: ['agent'] },
      });
    }
  });

  it('is refused beyond as many connections as an account may have, also of many at once', async () => {
    const sockets = Array.from({ length: LIMIT + 4 }, () => dialAgent(node.url, { api_key: node.key }));
    await eventually(() => {
      const ready = sockets.filter((one) => one.events('ready').length > 0);
      const refused = sockets.filter((one) => one.events('connect_error').length > 0);
      expect([ready.length, refused.length]).toEqual([LIMIT, 4]);
      for (const one of refused) expect(one.events('connect_error')[0].data.code).toBe('rate_limit_exceeded');
    });
    sockets.forEach((one) => one.close());
    await eventually(() => connectAgent(node.url, { api_key: node.key }));
  });
});

describe('A connection of an agent', () => {
  it('is cut when its key is revoked, and its claims end', async () => {
    const user = aUser();
    const { id, key } = await node.newKey({ scopes: ['agent'] });
    const [revoked, other] = [
      await connectAgent(node.url, { api_key: key }),
      await connectAgent(node.url, { api_key: node.key }),
    ];
    const { agent_session_id } = await node.receive(user, 'hello');
    await revoked.next('inbox');
    await other.next('inbox');
    expect(await revoked.command('session:claim', { agent_session_id })).toMatchObject({ ok: true });
    expect(await other.command('session:claim', { agent_session_id })).toMatchObject({ ok: false });
    await node.ok('POST', `/v1/api-keys/${id}/revoke`);
    expect(await revoked.cut()).toBe('io server disconnect');
    expect((await other.next('inbox')).session.agent_session_id).toBe(agent_session_id);
  });

  it('is told of as many sessions as it may be, and of the next ones as these are handled', async () => {
    const bot = await connectAgent(node.url, { api_key: node.key });
    const waiting: { user: string; id: string }[] = [];
    for (const user of [aUser(), aUser(), aUser(), aUser()])
      waiting.push({ user, id: (await node.receive(user, 'hello')).agent_session_id });
    await eventually(() => expect(bot.events('inbox')).toHaveLength(2));
    for (const [index, { user, id }] of waiting.entries()) {
      await eventually(() => expect(toldOf(bot, id)).toHaveLength(1));
      expect(bot.events('inbox').length).toBeLessThanOrEqual(index + 2);
      const message = { payload: { content: 'hi' }, agent_session_id: id };
      expect(await bot.command('message:send', { platform_user_id: user, message })).toMatchObject({
        ok: true,
      });
    }
  });

  it('is told of its own sessions, whatever waits for an agent that does not work', async () => {
    const route = async (agent_id: string): Promise<string> => {
      const platform_user_id = aUser();
      const { agent_session_id } = await node.ok('POST', '/v1/sessions', { platform_user_id, agent_id });
      await node.receive(platform_user_id, 'hello', { agent_session_id });
      return agent_session_id;
    };
    const stuck = await connectAgent(node.url, { api_key: node.key, agent_id: 'stuck' });
    const busy = await connectAgent(node.url, { api_key: node.key, agent_id: 'busy' });
    for (let waiting = 0; waiting < 3; waiting++) await route('stuck');
    await eventually(() => expect(stuck.events('inbox')).toHaveLength(2));
    const own = await route('busy');
    await eventually(() => expect(toldOf(busy, own)).toHaveLength(1));
    const later = await connectAgent(node.url, { api_key: node.key, agent_id: 'busy' });
    await eventually(() => expect(toldOf(later, own)).toHaveLength(1));
  });

  it('hears and answers nothing of another account', async () => {
    await cli(node.database.url, 'account', 'create', 'other');
    const theirs = await cli(node.database.url, 'key', 'create', '--account', 'other');
    const user = aUser();
    const stranger = await connectAgent(node.url, { api_key: theirs });
    const own = await connectAgent(node.url, { api_key: node.key });
    const { agent_session_id } = await node.receive(user, 'hello');
    await own.next('inbox');
    for (const command of ['session:claim', 'session:release', 'inbox:ack', 'typing'])
      expect(
        await stranger.command(command, {
          agent_session_id,
          ...(command === 'typing' && { typing: true }),
          ...(command === 'inbox:ack' && { up_to_seq: 1 }),
        }),
      ).toMatchObject({ ok: false, error: { code: 'resource_not_found' } });
    const started = await own.command('message:start', { platform_user_id: user, agent_session_id });
    const message_id = started.data.message_id;
    expect(await stranger.command('message:append', { message_id, offset: 0, delta: 'x' })).toMatchObject({
      ok: false,
      error: { code: 'resource_not_found' },
    });
    expect(await stranger.command('message:finish', { message_id })).toMatchObject({
      ok: false,
      error: { code: 'resource_not_found' },
    });
    expect(stranger.events('inbox')).toEqual([]);
    expect((await connectAgent(node.url, { api_key: theirs })).events('ready')[0]).toMatchObject({
      pending: 0,
    });
  });

  it('is answered that there is no such command, and hears nothing of the other namespace', async () => {
    const bot = await connectAgent(node.url, { api_key: node.key });
    expect(await bot.command('message:receive', { message: 'x' })).toMatchObject({
      ok: false,
      error: { code: 'invalid_request' },
    });
    const user = aUser();
    const device = await connect(node.url, { api_key: node.key, platform_user_id: user });
    expect(await device.command('session:claim', { agent_session_id: 'x' })).toMatchObject({
      ok: false,
      error: { code: 'invalid_request' },
    });
    await node.send(user, 'to the device');
    await device.next('message');
    expect(bot.received.map(({ event }) => event)).toEqual(['ready']);
  });

  it('pays for its commands as REST does, and nothing for pieces', async () => {
    const { key } = await node.newKey({ scopes: ['agent'], rate_limit_per_hour: 3 });
    const user = aUser();
    const { agent_session_id } = await node.receive(user, 'hello');
    const bot = await connectAgent(node.url, { api_key: key });
    const started = await bot.command('message:start', { platform_user_id: user, agent_session_id }); // 1
    const { message_id } = started.data;
    for (let offset = 0; offset < 10; offset++)
      expect(await bot.command('message:append', { message_id, offset, delta: 'x' })).toMatchObject({
        ok: true,
      });
    expect(await bot.command('message:finish', { message_id })).toMatchObject({ ok: true });
    expect(await bot.command('session:claim', { agent_session_id })).toMatchObject({ ok: true }); // 2
    expect(await bot.command('session:release', { agent_session_id })).toMatchObject({ ok: true }); // 3
    expect(await bot.command('session:claim', { agent_session_id })).toMatchObject({
      ok: false,
      error: { code: 'rate_limit_exceeded' },
    });
  });

  it.each([
    ['pieces', 'message:append', { offset: 0, delta: 'x' }],
    ['the end', 'message:finish', {}],
  ])('pays for %s of an answer that does not arrive here', async (_, event, more) => {
    const { key } = await node.newKey({ scopes: ['agent'], rate_limit_per_hour: 2 });
    const bot = await connectAgent(node.url, { api_key: key });
    const codeOf = async (message_id: string): Promise<string> =>
      (await bot.command(event, { message_id, ...more })).error.code;
    expect(await codeOf('msg_00000000001000000001')).toBe('resource_not_found'); // 1
    expect(await codeOf('x'.repeat(256))).toBe('invalid_parameter'); // 2
    expect(await codeOf('msg_00000000001000000001')).toBe('rate_limit_exceeded');
  });
});
