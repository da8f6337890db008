import { connectAgent, toldOf } from '../../support/agent.js';
import { eventually } from '../../support/eventually.js';
import { aUser, startTestNode, type TestNode } from '../../support/node.js';
import { closeSockets, type Recorder } from '../../support/socket.js';

const LEASE_MS = 1500;
let node: TestNode;
beforeAll(async () => void (node = await startTestNode({ CLAIM_LEASE_MS: String(LEASE_MS) })));
afterEach(closeSockets);
afterEach(async () => void (await node.query('DELETE FROM inbox')));
afterAll(() => node.stop());

const agent = (agent_id?: string): Promise<Recorder> =>
  connectAgent(node.url, { api_key: node.key, agent_id });
const session = (user: string): string => `s-${user}`;
const say = (user: string, text: string): Promise<any> =>
  node.receive(user, text, { agent_session_id: session(user) });
const answer = (user: string, text: string, more: object = {}): object => ({
  platform_user_id: user,
  message: { payload: { content: text }, agent_session_id: session(user) },
  ...more,
});
const claim = (who: Recorder, user: string): Promise<any> =>
  who.command('session:claim', { agent_session_id: session(user) });
const release = (who: Recorder, user: string): Promise<any> =>
  who.command('session:release', { agent_session_id: session(user) });
const texts = (who: Recorder, user: string): string[][] =>
  toldOf(who, session(user)).map((messages) => messages.map(({ payload }) => payload.content));
const told = (who: Recorder, user: string, expected: string[][]): Promise<void> =>
  eventually(() => expect(texts(who, user)).toEqual(expected));
const route = (user: string, agent_id: string | null): Promise<any> =>
  node.ok('PATCH', `/v1/sessions/${session(user)}`, { agent_id });
const refused = { ok: false, error: { code: 'resource_conflict' } };

describe('A claim', () => {
  it('is one agent’s at a time', async () => {
    const user = aUser();
    const [one, two] = [await agent('one'), await agent()];
    await say(user, 'hello');
    await told(two, user, [['hello']]);
    const claimed = await claim(one, user);
    expect(claimed).toMatchObject({ ok: true, data: { agent_session_id: session(user) } });
    const { expires_at } = claimed.data;
    expect(Date.parse(expires_at)).toBeGreaterThan(0);
    expect(await claim(two, user)).toMatchObject({
      ok: false,
      error: { code: 'resource_conflict', details: { agent_id: 'one', expires_at } },
    });
    expect(Date.parse((await claim(one, user)).data.expires_at)).toBeGreaterThanOrEqual(
      Date.parse(expires_at),
    );
  });

  it('makes the session its claimant’s alone to hear of and to answer', async () => {
    const user = aUser();
    const [one, two] = [await agent(), await agent()];
    const first = await say(user, 'one');
    await told(two, user, [['one']]);
    await claim(one, user);
    await say(user, 'two');
    await told(one, user, [['one'], ['one', 'two']]);
    expect(await two.command('message:send', answer(user, 'mine?'))).toMatchObject(refused);
    const ack = { agent_session_id: session(user), up_to_seq: first.seq };
    expect(await two.command('inbox:ack', ack)).toMatchObject(refused);
    expect(await one.command('message:send', answer(user, 'mine'))).toMatchObject({ ok: true });
    await say(user, 'three');
    await told(one, user, [['one'], ['one', 'two'], ['three']]);
    expect(texts(two, user)).toEqual([['one']]);
  });

  it('that is given back lets the others be told again, and not who gave it back', async () => {
    const user = aUser();
    const [one, two] = [await agent(), await agent()];
    await say(user, 'hello');
    await told(two, user, [['hello']]);
    await claim(one, user);
    expect(await claim(two, user)).toMatchObject(refused);
    expect(await release(one, user)).toEqual({ ok: true, data: {} });
    await told(two, user, [['hello'], ['hello']]);
    expect(await claim(two, user)).toMatchObject({ ok: true });
    expect(texts(one, user)).toEqual([['hello']]);
    expect(await release(one, user)).toMatchObject({ ok: true }); // of what it does not hold: nothing
    expect(await claim(one, user)).toMatchObject(refused);
    await release(two, user);
    await told(one, user, [['hello'], ['hello']]);
  });

  it('ends with its connection', async () => {
    const user = aUser();
    const [one, two] = [await agent(), await agent()];
    await say(user, 'hello');
    await told(two, user, [['hello']]);
    await claim(one, user);
    expect(await claim(two, user)).toMatchObject(refused);
    one.close();
    await told(two, user, [['hello'], ['hello']]);
    expect(await claim(two, user)).toMatchObject({ ok: true });
  });

  it('ends with its lease, and whoever was paused beyond it cannot answer what another has answered', async () => {
    const user = aUser();
    const [one, two] = [await agent(), await agent()];
    await say(user, 'hello');
    await told(two, user, [['hello']]);
    await claim(one, user);
    expect(await claim(two, user)).toMatchObject(refused);
    await told(two, user, [['hello'], ['hello']]);
    expect(await two.command('message:send', answer(user, 'by two'))).toMatchObject({ ok: true });
    expect(await one.command('message:send', answer(user, 'by one'))).toMatchObject(refused);
    await release(two, user);
    expect(await one.command('message:send', answer(user, 'by one'))).toMatchObject(refused);
    const { messages } = await node.ok('GET', `/v1/messages/all?platform_user_id=${user}`);
    expect(messages.map(({ payload }: any) => payload.content)).toEqual(['hello', 'by two']);
  });

  it('that ends while its holder is still at work is told to the others, not to it; it answers once', async () => {
    const user = aUser();
    const [one, two] = [await agent(), await agent()];
    const { seq } = await say(user, 'hello');
    for (const each of [one, two]) await told(each, user, [['hello']]);
    await claim(one, user);
    await told(two, user, [['hello'], ['hello']]); // at the end of the lease
    const other = aUser();
    await say(other, 'later');
    await told(one, other, [['later']]);
    expect(texts(one, user)).toEqual([['hello']]);
    const named = { up_to_seq: seq, client_message_id: `c-${user}` };
    const first = await one.command('message:send', answer(user, 'hi', named));
    expect(first).toMatchObject({ ok: true });
    expect(await one.command('message:send', answer(user, 'hi', { up_to_seq: seq }))).toMatchObject(refused);
    expect(await one.command('message:send', answer(user, 'hi', named))).toEqual(first);
    expect((await node.ok('GET', `/v1/messages/all?platform_user_id=${user}`)).total).toBe(2);
  });

  it('is no use to who lost a race before it has been told so; then it may write on', async () => {
    const user = aUser();
    const [one, two] = [await agent(), await agent()];
    await say(user, 'hello');
    for (const each of [one, two]) await told(each, user, [['hello']]);
    expect(await one.command('message:send', answer(user, 'by one'))).toMatchObject({ ok: true });
    one.close();
    await eventually(async () => expect(await claim(two, user)).toMatchObject({ ok: true }));
    expect(await two.command('message:send', answer(user, 'by two'))).toMatchObject({
      ...refused,
      error: { message: expect.stringContaining('handled') },
    });
    expect(await two.command('message:send', answer(user, 'anything else?'))).toMatchObject({ ok: true });
  });

  it('is no use for an answer to more than what still waits, until its agent was told what that is', async () => {
    const user = aUser();
    const [one, two] = [await agent(), await agent()];
    const { seq } = await say(user, 'one');
    await told(one, user, [['one']]);
    const last = await say(user, 'two');
    for (const each of [one, two]) await told(each, user, [['one'], ['one', 'two']]);
    expect(await two.command('message:send', answer(user, 'to one', { up_to_seq: seq }))).toMatchObject({
      ok: true,
    });
    await say(user, 'three'); // its alone to hear of, so the claim is known here
    await eventually(() => expect(texts(two, user).at(-1)).toEqual(['two', 'three']));
    await release(two, user);
    await told(one, user, [['one'], ['one', 'two'], ['two', 'three']]);
    const late = answer(user, 'begun before', { up_to_seq: last.seq }); // it may be one to the first as well
    expect(await one.command('message:send', late)).toMatchObject(refused);
    const toTwo = answer(user, 'to two', { up_to_seq: last.seq });
    expect(await one.command('message:send', toTwo)).toMatchObject({ ok: true });
  });

  it('is taken by who answers first: of many answers one is written', async () => {
    const user = aUser();
    const agents = await Promise.all(Array.from({ length: 10 }, () => agent()));
    await say(user, 'hello');
    for (const one of agents) await told(one, user, [['hello']]);
    const answers = await Promise.all(
      agents.map((one, index) => one.command('message:send', answer(user, `by ${index}`))),
    );
    expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
    for (const { ok, error } of answers) if (!ok) expect(error.code).toBe('resource_conflict');
    expect((await node.ok('GET', `/v1/messages/all?platform_user_id=${user}`)).total).toBe(2);
  });

  it('is answered with the stored message when the agent repeats itself over another connection', async () => {
    const user = aUser();
    const one = await agent();
    await say(user, 'hello');
    await one.next('inbox');
    const body = answer(user, 'hi', { client_message_id: `c-${user}` });
    const first = await one.command('message:send', body);
    one.close();
    expect(await (await agent()).command('message:send', body)).toEqual(first);
  });

  it('that late answers of another connection are fenced by what they say they have seen', async () => {
    const user = aUser();
    const { seq } = await say(user, 'hello');
    const two = await agent();
    await two.next('inbox');
    expect(await two.command('message:send', answer(user, 'by two'))).toMatchObject({ ok: true });
    two.close();
    const one = await agent(); // comes back, and was told nothing over this connection
    await eventually(async () =>
      expect(await one.command('message:send', answer(user, 'late', { up_to_seq: seq }))).toMatchObject({
        ok: false,
        error: { code: 'resource_conflict', message: expect.stringContaining('handled') },
      }),
    );
  });

  it('that late answers of another connection are fenced by where they say they begin', async () => {
    const user = aUser();
    const two = await agent();
    const [{ seq: since_seq }, { seq: up_to_seq }] = [await say(user, 'one'), await say(user, 'two')];
    await eventually(() => expect(texts(two, user).at(-1)).toEqual(['one', 'two']));
    const toOne = answer(user, 'to one', { up_to_seq: since_seq });
    expect(await two.command('message:send', toOne)).toMatchObject({ ok: true });
    two.close();
    const one = await agent(); // comes back with an answer to both
    await told(one, user, [['two']]);
    const begin = { platform_user_id: user, agent_session_id: session(user), since_seq, up_to_seq };
    expect(await one.command('message:start', begin)).toMatchObject(refused);
    expect(await one.command('message:send', answer(user, 'late', { since_seq, up_to_seq }))).toMatchObject(
      refused,
    );
    const toTwo = answer(user, 'to two', { since_seq: up_to_seq, up_to_seq });
    expect(await one.command('message:send', toTwo)).toMatchObject({ ok: true });
    expect(await node.query('SELECT since_seq FROM inbox')).toEqual([]);
  });

  it.each<[string, object, string]>([
    ['of nothing', {}, 'missing_parameter'],
    ['of no session', { agent_session_id: 'there-is-none' }, 'resource_not_found'],
    ['with an unknown field', { agent_session_id: 'x', lease: 5 }, 'invalid_parameter'],
  ])('is refused %s', async (_, body, code) => {
    const one = await agent();
    for (const command of ['session:claim', 'session:release'])
      expect(await one.command(command, body)).toMatchObject({ ok: false, error: { code } });
  });

  it('is refused of a closed session', async () => {
    const user = aUser();
    await say(user, 'hello');
    await node.ok('PATCH', `/v1/sessions/${session(user)}`, { status: 'closed' });
    expect(await claim(await agent(), user)).toMatchObject(refused);
  });
});

describe('Routing', () => {
  it('tells only the agent that a session is routed to, which hears of what is routed to nobody, too', async () => {
    const [user, other] = [aUser(), aUser()];
    const [sales, support, any] = [await agent('sales'), await agent('support'), await agent()];
    const body = { platform_user_id: user, agent_session_id: session(user), agent_id: 'sales' };
    await node.ok('POST', '/v1/sessions', body);
    await say(user, 'for sales');
    await say(other, 'for anybody');
    for (const one of [sales, support, any]) await told(one, other, [['for anybody']]);
    await told(sales, user, [['for sales']]);
    for (const one of [support, any]) {
      expect(texts(one, user)).toEqual([]);
      expect(await claim(one, user)).toMatchObject(refused);
      expect(await one.command('message:send', answer(user, 'x'))).toMatchObject(refused);
      const ack = { agent_session_id: session(user), up_to_seq: 5 };
      expect(await one.command('inbox:ack', ack)).toMatchObject(refused);
    }
    expect(await sales.command('message:send', answer(user, 'ours'))).toMatchObject({ ok: true });
  });

  it('of a claimed session hands it off: its claim ends, and the other agent is told', async () => {
    const user = aUser();
    const [sales, support] = [await agent('sales'), await agent('support')];
    await say(user, 'hello');
    await told(support, user, [['hello']]);
    await claim(sales, user);
    await say(user, 'anybody?');
    await told(sales, user, [['hello'], ['hello', 'anybody?']]);
    await route(user, 'support');
    await told(support, user, [['hello'], ['hello', 'anybody?']]);
    expect(await sales.command('message:send', answer(user, 'by sales'))).toMatchObject(refused);
    expect(await support.command('message:send', answer(user, 'by support'))).toMatchObject({ ok: true });
    expect((await sales.next('session')).agent_id).toBe('support');
    expect((await support.next('session')).agent_id).toBe('support');
  });

  it('to a person keeps agents out, and back to nobody lets them in', async () => {
    const user = aUser();
    const bot = await agent('bot');
    await say(user, 'a person, please');
    await told(bot, user, [['a person, please']]);
    await claim(bot, user);
    await route(user, 'a person');
    await say(user, 'hello?');
    await eventually(async () =>
      expect(await bot.command('message:send', answer(user, 'beep'))).toMatchObject(refused),
    );
    await node.ok('POST', '/v1/message/send', answer(user, 'a person here')); // an inbox in a web page, over REST
    await say(user, 'thanks');
    await route(user, null);
    await told(bot, user, [['a person, please'], ['thanks']]);
    expect(await bot.command('message:send', answer(user, 'welcome'))).toMatchObject({ ok: true });
  });
});
