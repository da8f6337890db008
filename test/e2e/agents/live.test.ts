import { connectAgent } from '../../support/agent.js';
import { eventually } from '../../support/eventually.js';
import { aUser, startTestNode, type TestNode } from '../../support/node.js';
import { startServer, type TestServer } from '../../support/server.js';
import { closeSockets, connect, type Recorder } from '../../support/socket.js';

let node: TestNode;
let other: TestServer;
beforeAll(async () => {
  node = await startTestNode();
  const env = { RATE_LIMIT_PER_HOUR: '0', USER_RATE_LIMIT_PER_HOUR: '0', RECONCILE_INTERVAL_MS: '50' };
  other = await startServer({ databaseUrl: node.database.url, env });
}, 60_000);
afterEach(closeSockets);
afterEach(async () => void (await node.query('DELETE FROM inbox')));
afterAll(async () => {
  await other?.stop();
  await node?.stop();
});

const agent = (agent_id?: string, url = node.url): Promise<Recorder> =>
  connectAgent(url, { api_key: node.key, agent_id });
const device = (user: string, url = node.url): Promise<Recorder> =>
  connect(url, { api_key: node.key, platform_user_id: user });
const session = (user: string): string => `s-${user}`;
const say = (user: string, text: string): Promise<any> =>
  node.receive(user, text, { agent_session_id: session(user) });
const claim = (bot: Recorder, user: string): Promise<any> =>
  bot.command('session:claim', { agent_session_id: session(user) });
const isTold = (bot: Recorder, user: string): Promise<void> =>
  eventually(() =>
    expect(bot.events('inbox').map((told) => told.session.agent_session_id)).toContain(session(user)),
  );

describe('typing', () => {
  it('of an agent is shown to the user, on every node', async () => {
    const user = aUser();
    const [here, there] = [await device(user), await device(user, other.url)];
    await say(user, 'hello');
    const bot = await agent();
    expect(await bot.command('typing', { agent_session_id: session(user), typing: true })).toEqual({
      ok: true,
      data: {},
    });
    const shown = { agent_session_id: session(user), sender: 'assistant', typing: true };
    for (const one of [here, there]) expect(await one.next('typing')).toEqual(shown);
    expect(bot.events('typing')).toEqual([]);
  });

  it('of a user is shown to the agents that were told, on every node, and to its claimant alone', async () => {
    const user = aUser();
    const phone = await device(user, other.url);
    const [one, two] = [await agent(), await agent(undefined, other.url)];
    await say(user, 'hello');
    await isTold(one, user);
    await isTold(two, user);
    const typing = { agent_session_id: session(user), typing: true };
    const shown = { platform_user_id: user, agent_session_id: session(user), sender: 'user', typing: true };
    await eventually(async () => {
      await phone.command('typing', typing);
      expect(one.events('typing')[0]).toEqual(shown);
      expect(two.events('typing')[0]).toEqual(shown);
    });
    expect(await claim(one, user)).toMatchObject({ ok: true });
    await say(user, 'and'); // told to the claimant: by then the claim is known here
    await eventually(() => expect(one.events('inbox').at(-1).messages).toHaveLength(2));
    await eventually(async () => {
      const before = [one, two].map((bot) => bot.events('typing').length);
      await phone.command('typing', { typing: false }); // in none that is named
      await eventually(() => expect(one.events('typing').length).toBeGreaterThan(before[0]!));
      expect(two.events('typing')).toHaveLength(before[1]!);
    });
    expect(one.events('typing').at(-1)).toEqual({ ...shown, agent_session_id: null, typing: false });
  });

  it('is shown to nobody in a session of another user', async () => {
    const [user, stranger] = [aUser(), aUser()];
    const bot = await agent();
    await say(user, 'hello');
    await say(stranger, 'hello');
    await isTold(bot, user);
    await isTold(bot, stranger);
    const [mine, theirs] = [await device(user), await device(stranger)];
    await theirs.command('typing', { agent_session_id: session(user), typing: true });
    await mine.command('typing', { agent_session_id: session(user), typing: true });
    expect((await bot.next('typing')).platform_user_id).toBe(user);
  });

  it.each<[string, object, string]>([
    ['in no session', { typing: true }, 'missing_parameter'],
    ['in a session that is not there', { typing: true, agent_session_id: 'nowhere' }, 'resource_not_found'],
    ['without saying what', { agent_session_id: 'x' }, 'missing_parameter'],
  ])('of an agent is refused %s', async (_, body, code) => {
    expect(await (await agent()).command('typing', body)).toMatchObject({ ok: false, error: { code } });
  });
});

describe('presence', () => {
  it('tells who was told, or holds the session, that its user comes and goes, on whichever node', async () => {
    const [user, nobody] = [aUser(), aUser()];
    const [bot, stranger] = [await agent(), await agent('elsewhere')];
    await node.ok('POST', '/v1/sessions', { platform_user_id: nobody, agent_session_id: session(nobody) });
    const body = { platform_user_id: user, agent_session_id: session(user), agent_id: 'bot' };
    await node.ok('POST', '/v1/sessions', body);
    const own = await agent('bot');
    await say(user, 'hello');
    await isTold(own, user);
    const [phone] = [await device(user, other.url), await device(nobody)];
    expect(await own.next('presence')).toEqual({ platform_user_id: user, online: true });
    expect(await claim(own, user)).toMatchObject({ ok: true });
    await own.command('message:send', {
      platform_user_id: user,
      message: { payload: { content: 'hi' }, agent_session_id: session(user) },
    });
    phone.close();
    expect(await own.next('presence')).toEqual({ platform_user_id: user, online: false });
    for (const one of [bot, stranger]) expect(one.events('presence')).toEqual([]);
  });
});

describe('session', () => {
  it('tells who was told of it, or holds it, what changes, with its context', async () => {
    const user = aUser();
    const [bot, there] = [await agent(), await agent(undefined, other.url)];
    await say(user, 'hello');
    await isTold(bot, user);
    await isTold(there, user);
    const changed = await node.ok('PATCH', `/v1/sessions/${session(user)}`, {
      title: 'Greeting',
      context: { mood: 'good' },
    });
    for (const one of [bot, there]) expect(await one.next('session')).toEqual(changed);
    expect(await claim(bot, user)).toMatchObject({ ok: true });
    await node.ok('PATCH', `/v1/sessions/${session(user)}`, { status: 'closed' });
    expect(await bot.next('session')).toMatchObject({ status: 'closed' });
  });

  it('tells an agent of what is routed to it, and no other', async () => {
    const user = aUser();
    const [sales, support] = [await agent('sales'), await agent('support')];
    const body = { platform_user_id: user, agent_session_id: session(user), agent_id: 'sales' };
    const made = await node.ok('POST', '/v1/sessions', body);
    expect(await sales.next('session')).toEqual(made);
    await node.ok('PATCH', `/v1/sessions/${session(user)}`, { agent_id: 'support' });
    expect(await support.next('session')).toMatchObject({ agent_id: 'support' });
    expect(support.events('session')).toHaveLength(1);
  });
});

describe('Several nodes', () => {
  it('a message written on one is told on the other, and a claim there counts here', async () => {
    const user = aUser();
    const [here, there] = [await agent(), await agent(undefined, other.url)];
    await say(user, 'hello');
    await isTold(here, user);
    await isTold(there, user);
    expect(await claim(there, user)).toMatchObject({ ok: true });
    expect(await claim(here, user)).toMatchObject({ ok: false, error: { code: 'resource_conflict' } });
    there.close();
    await eventually(() => expect(here.events('inbox')).toHaveLength(2));
    expect(await claim(here, user)).toMatchObject({ ok: true });
  });

  it('one that stops lets its agents go, and what they had claimed is told elsewhere', async () => {
    const user = aUser();
    const leaving = await startServer({ databaseUrl: node.database.url });
    const [bot, here] = [await agent(undefined, leaving.url), await agent()];
    await say(user, 'hello');
    await isTold(bot, user);
    await isTold(here, user);
    expect(await claim(bot, user)).toMatchObject({ ok: true });
    expect(await claim(here, user)).toMatchObject({ ok: false });
    const stopped = leaving.stop();
    expect(await bot.next('drain')).toEqual({ reconnect_in_ms: expect.any(Number) });
    expect(await bot.cut()).toBe('transport close');
    expect(await stopped).toBe(0);
    expect(leaving.output()).not.toContain('Claims end with their lease');
    await eventually(() => expect(here.events('inbox')).toHaveLength(2));
    expect(await claim(here, user)).toMatchObject({ ok: true });
  });

  it('one that is killed loses its claims with its lease', async () => {
    const user = aUser();
    const doomed = await startServer({ databaseUrl: node.database.url });
    const [bot, here] = [await agent(undefined, doomed.url), await agent()];
    await say(user, 'hello');
    await isTold(bot, user);
    await isTold(here, user);
    expect(await claim(bot, user)).toMatchObject({ ok: true });
    expect(await claim(here, user)).toMatchObject({ ok: false });
    await doomed.kill();
    await eventually(() => expect(here.events('inbox')).toHaveLength(2), { timeoutMs: 15_000 });
    expect(await claim(here, user)).toMatchObject({ ok: true });
  });
});
