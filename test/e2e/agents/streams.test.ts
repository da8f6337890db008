import { connectAgent } from '../../support/agent.js';
import { eventually } from '../../support/eventually.js';
import { aUser, startTestNode, type TestNode } from '../../support/node.js';
import { closeSockets, type Recorder } from '../../support/socket.js';

/** So short that an answer takes longer than a claim without renewal. */
const LEASE_MS = 600;
let node: TestNode;
beforeAll(async () => void (node = await startTestNode({ CLAIM_LEASE_MS: String(LEASE_MS) })));
afterEach(closeSockets);
afterEach(async () => void (await node.query('DELETE FROM inbox')));
afterAll(() => node.stop());

const agent = (): Promise<Recorder> => connectAgent(node.url, { api_key: node.key });
const session = (user: string): string => `s-${user}`;
const say = (user: string, text: string): Promise<any> =>
  node.receive(user, text, { agent_session_id: session(user) });
const start = async (bot: Recorder, user: string, more: object = {}): Promise<string> => {
  const body = { platform_user_id: user, agent_session_id: session(user), ...more };
  const { ok, data, error } = await bot.command('message:start', body);
  if (!ok) throw new Error(JSON.stringify(error));
  return data.message_id;
};
const append = (bot: Recorder, message_id: string, offset: number, delta: string): Promise<any> =>
  bot.command('message:append', { message_id, offset, delta });
const inboxCount = async (user: string): Promise<number> =>
  (await node.query('SELECT count(*)::int AS n FROM inbox WHERE agent_session_id = $1', [session(user)]))[0]
    .n;

it('An answer in pieces is one message, which its end handles the session with', async () => {
  const user = aUser();
  const bot = await agent();
  await say(user, 'tell me');
  await bot.next('inbox');
  const device = await node.device(user);
  const id = await start(bot, user, { metadata: { model: 'm' } });
  expect(await device.next('message')).toMatchObject({ id, status: 'streaming', payload: { content: '' } });
  expect(await append(bot, id, 0, 'Once ')).toEqual({ ok: true, data: { offset: 5 } });
  expect(await append(bot, id, 0, 'Once ')).toEqual({ ok: true, data: { offset: 5 } }); // a repeat
  expect(await append(bot, id, 5, 'upon')).toEqual({ ok: true, data: { offset: 9 } });
  expect(await append(bot, id, 20, 'a gap')).toMatchObject({
    ok: false,
    error: { code: 'resource_conflict', details: { offset: 9 } },
  });
  expect(await inboxCount(user)).toBe(1);
  const finished = await bot.command('message:finish', { message_id: id });
  expect(finished).toMatchObject({
    ok: true,
    data: { id, status: 'complete', payload: { content: 'Once upon' }, metadata: { model: 'm' } },
  });
  expect(await bot.command('message:finish', { message_id: id })).toEqual(finished);
  expect(await device.next('message:updated')).toEqual(finished.data);
  expect(await inboxCount(user)).toBe(0);
});

it('The session stays the agent’s own while pieces come, also for longer than a lease', async () => {
  const user = aUser();
  const [bot, other] = [await agent(), await agent()];
  await say(user, 'a long one');
  await bot.next('inbox');
  const id = await start(bot, user);
  const end = Date.now() + 3 * LEASE_MS;
  let offset = 0;
  while (Date.now() < end) {
    ({
      data: { offset },
    } = await append(bot, id, offset, 'word '));
    expect(await other.command('session:claim', { agent_session_id: session(user) })).toMatchObject({
      ok: false,
      error: { code: 'resource_conflict' },
    });
  }
  expect(await bot.command('message:finish', { message_id: id })).toMatchObject({ ok: true });
});

it('A stop of the user reaches the agent, and the answer is cancelled', async () => {
  const user = aUser();
  const bot = await agent();
  await say(user, 'tell me all');
  await bot.next('inbox');
  const device = await node.device(user);
  const id = await start(bot, user);
  await append(bot, id, 0, 'It all began');
  expect(await device.command('message:stop', { message_id: id })).toMatchObject({ ok: true });
  expect(await bot.next('message:stop')).toEqual({ message_id: id });
  expect(await device.next('message:updated')).toMatchObject({
    id,
    status: 'cancelled',
    payload: { content: 'It all began' },
  });
  expect(await append(bot, id, 12, ' long ago')).toMatchObject({
    ok: false,
    error: { code: 'resource_conflict' },
  });
});

it('Over a new connection an answer goes on where it was, and the session is the agent’s own again', async () => {
  const user = aUser();
  const first = await agent();
  await say(user, 'tell me');
  await first.next('inbox');
  const id = await start(first, user, { client_message_id: `c-${user}` });
  await append(first, id, 0, 'Once ');
  first.close();
  const second = await agent();
  expect(await start(second, user, { client_message_id: `c-${user}` })).toBe(id);
  await eventually(async () => expect(await append(second, id, 0, 'Once upon')).toMatchObject({ ok: true }));
  const other = await agent();
  await eventually(async () => {
    await append(second, id, 0, 'Once upon');
    expect(await other.command('session:claim', { agent_session_id: session(user) })).toMatchObject({
      ok: false,
    });
  });
  expect(await second.command('message:finish', { message_id: id })).toMatchObject({
    ok: true,
    data: { payload: { content: 'Once upon' }, status: 'complete' },
  });
});

it('An agent that dies in the middle leaves the session to another one', async () => {
  const user = aUser();
  const [doomed, other] = [await agent(), await agent()];
  await say(user, 'tell me');
  await other.next('inbox');
  const id = await start(doomed, user);
  await append(doomed, id, 0, 'Once ');
  expect(
    await other.command('message:start', { platform_user_id: user, agent_session_id: session(user) }),
  ).toMatchObject({ ok: false, error: { code: 'resource_conflict' } });
  doomed.close();
  expect((await other.next('inbox')).messages).toHaveLength(1); // told again
  const body = {
    platform_user_id: user,
    message: { payload: { content: 'by another' }, agent_session_id: session(user) },
  };
  expect(await other.command('message:send', body)).toMatchObject({ ok: true });
  expect(await inboxCount(user)).toBe(0);
});

const handOff = (user: string, agent_id: string): Promise<any> =>
  node.ok('PATCH', `/v1/sessions/${session(user)}`, { agent_id });
const named = (agent_id: string): Promise<Recorder> =>
  connectAgent(node.url, { api_key: node.key, agent_id });
const statusOf = async (user: string, id: string): Promise<string> => {
  const { messages } = await node.ok('GET', `/v1/messages/all?platform_user_id=${user}`);
  return messages.find((message: any) => message.id === id).status;
};
const isConflict = { ok: false, error: { code: 'resource_conflict' } };

it('After a hand-off the one before cannot hold on by going on: its answer ends, and the next one answers', async () => {
  const user = aUser();
  const [before, next] = [await named(`a-${user}`), await named(`b-${user}`)];
  await say(user, 'tell me');
  await before.next('inbox');
  const id = await start(before, user);
  await append(before, id, 0, 'Once ');
  await handOff(user, `b-${user}`);
  await eventually(async () => expect(await append(before, id, 5, '')).toMatchObject(isConflict));
  await eventually(async () => expect(await statusOf(user, id)).toBe('incomplete'));
  expect(await inboxCount(user)).toBe(1);
  const message = { payload: { content: 'from the next' }, agent_session_id: session(user) };
  const answer = await next.command('message:send', { platform_user_id: user, message });
  expect(answer).toMatchObject({ ok: true });
  await eventually(async () => expect(await inboxCount(user)).toBe(0));
});

it('An answer whose agent is refused at its end is incomplete, and what it answers to waits', async () => {
  const user = aUser();
  const bot = await named(`a-${user}`);
  await say(user, 'tell me');
  await bot.next('inbox');
  const id = await start(bot, user);
  await append(bot, id, 0, 'Once ');
  await handOff(user, `b-${user}`);
  expect(await bot.command('message:finish', { message_id: id })).toMatchObject({
    ok: false,
    error: { code: 'resource_conflict', details: { status: 'incomplete' } },
  });
  expect(await statusOf(user, id)).toBe('incomplete');
  expect(await inboxCount(user)).toBe(1);
});

it('Nobody else adds to an answer or ends it, and its stop reaches who writes it', async () => {
  const user = aUser();
  const [bot, other, nameless] = [await named(`a-${user}`), await named(`b-${user}`), await agent()];
  await say(user, 'tell me');
  await bot.next('inbox');
  const device = await node.device(user);
  const id = await start(bot, user);
  await append(bot, id, 0, 'Once ');
  for (const one of [other, nameless]) {
    expect(await append(one, id, 5, 'FROM ANOTHER')).toMatchObject(isConflict);
    expect(await one.command('message:finish', { message_id: id })).toMatchObject(isConflict);
  }
  expect(await device.command('message:stop', { message_id: id })).toMatchObject({ ok: true });
  expect(await bot.next('message:stop')).toEqual({ message_id: id });
  expect(await device.next('message:updated')).toMatchObject({
    status: 'cancelled',
    payload: { content: 'Once ' },
  });
});

it('The same agent goes on over a new connection while its old one is not known to have ended', async () => {
  const user = aUser();
  const before = await named(`a-${user}`);
  await say(user, 'tell me');
  await before.next('inbox');
  const id = await start(before, user);
  await append(before, id, 0, 'Once ');
  const after = await named(`a-${user}`);
  expect(await append(after, id, 5, 'upon')).toMatchObject({ ok: true });
  expect(await after.command('message:finish', { message_id: id })).toMatchObject({
    data: { status: 'complete', payload: { content: 'Once upon' } },
  });
  expect(await inboxCount(user)).toBe(0);
});

it.each<[string, string, object, string]>([
  ['message:start', 'without a user', {}, 'missing_parameter'],
  [
    'message:start',
    'with content',
    { platform_user_id: 'u', payload: { content: 'x' } },
    'invalid_parameter',
  ],
  ['message:append', 'of nothing', {}, 'missing_parameter'],
  [
    'message:append',
    'of no message',
    { message_id: 'msg_nothing', offset: 0, delta: 'x' },
    'resource_not_found',
  ],
  [
    'message:append',
    'at a negative offset',
    { message_id: 'x', offset: -1, delta: 'x' },
    'invalid_parameter',
  ],
  ['message:finish', 'of no message', { message_id: 'msg_nothing' }, 'resource_not_found'],
  ['message:finish', 'as streaming', { message_id: 'x', status: 'streaming' }, 'invalid_parameter'],
])('%s is refused %s', async (command, _, body, code) => {
  expect(await (await agent()).command(command, body)).toMatchObject({ ok: false, error: { code } });
});
