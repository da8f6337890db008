import { connectAgent, dialAgent, toldOf } from '../../support/agent.js';
import { eventually } from '../../support/eventually.js';
import { holdLock } from '../../support/head-lock.js';
import { aUser, startTestNode, type TestNode } from '../../support/node.js';
import { closeSockets, type Recorder } from '../../support/socket.js';

let node: TestNode;
beforeAll(async () => void (node = await startTestNode()));
afterEach(closeSockets);
afterEach(async () => void (await node.query('DELETE FROM inbox')));
afterAll(() => node.stop());

const agent = (agent_id?: string): Promise<Recorder> =>
  connectAgent(node.url, { api_key: node.key, agent_id });
const contents = (messages: any[]): string[] => messages.map(({ payload }) => payload.content);
const session = (user: string): string => `s-${user}`;
const say = (user: string, text: string): Promise<any> =>
  node.receive(user, text, { agent_session_id: session(user) });
const reply = (user: string, text: string, more: object = {}): object => ({
  platform_user_id: user,
  message: { payload: { content: text }, agent_session_id: session(user) },
  ...more,
});

describe('inbox', () => {
  it('tells an agent of a message at once, with its session', async () => {
    const user = aUser();
    const bot = await agent('bot');
    expect(await bot.next('ready')).toEqual({ agent_id: 'bot', pending: 0 });
    const message = await say(user, 'hello');
    expect(await bot.next('inbox')).toEqual({
      session: await node.ok('GET', `/v1/sessions/${session(user)}`),
      messages: [message],
    });
  });

  it('tells a newcomer of all that waits, after it is ready', async () => {
    const users = [aUser(), aUser(), aUser()];
    for (const user of users) {
      await say(user, 'one');
      await say(user, 'two');
    }
    const bot = await agent();
    expect(await bot.next('ready')).toEqual({ agent_id: null, pending: 3 });
    await eventually(() => expect(bot.events('inbox')).toHaveLength(3));
    for (const user of users) expect(toldOf(bot, session(user)).map(contents)).toEqual([['one', 'two']]);
  });

  it('tells all that is not handled with each new message, and nothing without need', async () => {
    const user = aUser();
    const bot = await agent();
    await say(user, 'one');
    await bot.next('inbox');
    await say(user, 'two');
    await bot.next('inbox');
    await node.ok('GET', '/health/ready');
    await say(aUser(), 'other'); // what is compared meanwhile tells of nothing again
    await bot.next('inbox');
    expect(toldOf(bot, session(user)).map(contents)).toEqual([['one'], ['one', 'two']]);
  });

  it('tells again after a reconnect, until it is handled', async () => {
    const user = aUser();
    const first = await agent();
    await say(user, 'hello');
    await first.next('inbox');
    first.close();
    const second = await agent();
    await eventually(() => expect(toldOf(second, session(user)).map(contents)).toEqual([['hello']]));
    expect(await second.command('message:send', reply(user, 'hi'))).toMatchObject({ ok: true });
    second.close();
    expect(await (await agent()).next('ready')).toMatchObject({ pending: 0 });
  });

  it('is handled by a reply over REST', async () => {
    const user = aUser();
    await say(user, 'hello');
    await node.ok('POST', '/v1/message/send', reply(user, 'hi'));
    expect(await (await agent()).next('ready')).toMatchObject({ pending: 0 });
  });

  it('is handled by an acknowledgement, up to its position', async () => {
    const user = aUser();
    const { seq } = await say(user, 'one');
    await say(user, 'two');
    const bot = await agent();
    await bot.next('inbox');
    const ack = { agent_session_id: session(user), up_to_seq: seq };
    expect(await bot.command('inbox:ack', ack)).toEqual({ ok: true, data: {} });
    const other = await agent();
    await eventually(() => expect(toldOf(other, session(user)).map(contents)).toEqual([['two']]));
    expect(await bot.command('inbox:ack', { ...ack, up_to_seq: seq + 1 })).toMatchObject({ ok: true });
    expect(await (await agent()).next('ready')).toMatchObject({ pending: 0 });
  });

  it('leaves out what its user has deleted', async () => {
    const user = aUser();
    const { id } = await say(user, 'slip');
    await node.ok('DELETE', `/v1/messages/${id}`);
    expect(await (await agent()).next('ready')).toMatchObject({ pending: 0 });
    const bot = await agent();
    await say(user, 'better');
    expect(contents((await bot.next('inbox')).messages)).toEqual(['better']);
  });

  it('tells nobody of a closed session, and again when it is open', async () => {
    const user = aUser();
    await say(user, 'hello');
    await node.ok('PATCH', `/v1/sessions/${session(user)}`, { status: 'closed' });
    const bot = await agent();
    expect(await bot.next('ready')).toMatchObject({ pending: 0 });
    await node.ok('PATCH', `/v1/sessions/${session(user)}`, { status: 'open' });
    expect(contents((await bot.next('inbox')).messages)).toEqual(['hello']);
  });

  it('tells of a hundred messages at once, and of the others when these are handled', async () => {
    const user = aUser();
    const texts = Array.from({ length: 120 }, (_, index) => `message ${index + 1}`);
    for (const text of texts) await say(user, text);
    const bot = await agent();
    expect(contents((await bot.next('inbox')).messages)).toEqual(texts.slice(0, 100));
    expect(await bot.command('message:send', reply(user, 'to these'))).toMatchObject({ ok: true });
    expect(contents((await bot.next('inbox')).messages)).toEqual(texts.slice(100));
    expect(await bot.command('message:send', reply(user, 'to those'))).toMatchObject({ ok: true });
    expect(await node.query('SELECT 1 FROM inbox')).toEqual([]);
  });
});

/** Waits until such a statement waits for a lock. */
const queued = (pattern: string): Promise<void> =>
  eventually(async () => {
    const waiting = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE $1`;
    expect(await node.query(waiting, [pattern])).not.toEqual([]);
  });

describe('message:send', () => {
  it('is answered with the message, which the user gets', async () => {
    const user = aUser();
    const device = await node.device(user);
    const bot = await agent();
    await say(user, 'hello');
    await bot.next('inbox');
    const { ok, data } = await bot.command('message:send', reply(user, 'hi', { client_message_id: 'c1' }));
    expect({ ok, data }).toMatchObject({ ok: true, data: { seq: 2, payload: { sender: 'assistant' } } });
    await eventually(() => expect(device.events('message').at(-1)).toEqual(data));
    expect(await bot.command('message:send', reply(user, 'hi', { client_message_id: 'c1' }))).toEqual({
      ok,
      data,
    });
  });

  it('handles what the agent says it has seen, and no more', async () => {
    const user = aUser();
    const bot = await agent();
    const { seq } = await say(user, 'one');
    await say(user, 'two');
    await eventually(() => expect(toldOf(bot, session(user)).at(-1)).toHaveLength(2));
    const answer = await bot.command('message:send', reply(user, 'to one', { up_to_seq: seq }));
    expect(answer).toMatchObject({ ok: true });
    bot.close();
    const other = await agent();
    await eventually(() => expect(toldOf(other, session(user)).map(contents)).toEqual([['two']]));
  });

  it('handles what waits also when it was kept while the agent was away, and sent before it was told again', async () => {
    for (let round = 0; round < 5; round++) {
      const user = aUser();
      const bot = await agent('bot');
      await say(user, 'hello');
      await bot.next('inbox');
      bot.socket.disconnect();
      const answered = bot.command('message:send', reply(user, 'hi'));
      bot.socket.connect();
      expect(await answered).toMatchObject({ ok: true });
      bot.close();
      const waiting = await node.query('SELECT since_seq FROM inbox');
      expect(waiting).toEqual([]);
    }
  });

  it.each([
    ['names it', { up_to_seq: 1 }],
    ['names nothing', {}],
  ])('handles what waits also when its connection ends before it is written, and it %s', async (_, named) => {
    const user = aUser();
    const bot = await agent(); // the only one here
    await say(user, 'hello');
    await bot.next('inbox');
    const held = await holdLock(
      node.database.connection,
      'LOCK TABLE platform_users IN ACCESS EXCLUSIVE MODE',
      [],
    );
    bot.socket.emit('message:send', { platform_user_id: user, message: 'hi', ...named });
    await queued('%current_session%');
    bot.socket.disconnect();
    await queued('%DELETE FROM claims WHERE holder%');
    await held.release();
    await eventually(async () =>
      expect((await node.ok('GET', `/v1/messages/all?platform_user_id=${user}`)).total).toBe(2),
    );
    expect(await node.query('SELECT since_seq FROM inbox')).toEqual([]);
  });

  it('is refused when what waits cannot be read', async () => {
    const user = aUser();
    const message = await say(user, 'hello');
    await node.query('ALTER TABLE inbox RENAME TO away');
    const bot = dialAgent(node.url, { api_key: node.key });
    const answer = await bot
      .command('message:send', reply(user, 'hi'))
      .finally(() => node.query('ALTER TABLE away RENAME TO inbox'));
    expect(answer).toMatchObject({ ok: false, error: { code: 'service_unavailable' } });
    await bot.cut();
    expect(contents((await (await agent()).next('inbox')).messages)).toEqual([message.payload.content]);
  });

  it('without a session goes to the user’s most recent one, or opens one', async () => {
    const user = aUser();
    const bot = await agent();
    const message = { payload: { content: 'welcome' } };
    const first = await bot.command('message:send', { platform_user_id: user, message });
    expect(first).toMatchObject({ ok: true, data: { seq: 1, agent_session_id: expect.any(String) } });
    const second = await bot.command('message:send', { platform_user_id: user, message: 'again' });
    expect(second.data.agent_session_id).toBe(first.data.agent_session_id);
  });

  it.each<[string, object, string]>([
    ['as the user', { message: { payload: { content: 'x', sender: 'user' } } }, 'invalid_parameter'],
    ['without a user', { platform_user_id: undefined }, 'missing_parameter'],
    ['without content', { message: { payload: {} } }, 'missing_parameter'],
    ['with an unknown field', { nonsense: 1 }, 'invalid_parameter'],
    ['with a position as text', { up_to_seq: '1' }, 'invalid_parameter'],
    ['with half a range', { since_seq: 1 }, 'invalid_parameter'],
    ['with a range that ends before it begins', { since_seq: 2, up_to_seq: 1 }, 'invalid_parameter'],
  ])('is refused %s', async (_, change, code) => {
    const bot = await agent();
    const answer = await bot.command('message:send', { ...reply(aUser(), 'x'), ...change });
    expect(answer).toMatchObject({ ok: false, error: { code } });
  });
});
