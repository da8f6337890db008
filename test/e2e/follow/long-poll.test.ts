import { aUser, startTestNode, type TestNode } from '../../support/node.js';
import { eventually } from '../../support/eventually.js';

let node: TestNode;
beforeAll(async () => void (node = await startTestNode()));
afterAll(() => node.stop());

const NOTHING = { messages: [], unread_count: 0, next_after: null };
/** Long enough that an answer which comes by itself is no accident. */
const LONG = 30;

const poll = (user: string, wait: number | string, query = '') =>
  node.call('GET', `/v1/messages/unread?platform_user_id=${user}&wait=${wait}${query}`);

/** Begins to wait, and resolves when the server is waiting: for one more than before. */
async function beginPoll(user: string, query = '') {
  const before = await waiting();
  const began = Date.now();
  let answered = false;
  const answer = poll(user, LONG, query).then(({ status, body }) => {
    answered = true;
    return { status, body, ms: Date.now() - began };
  });
  await eventually(async () => expect(await waiting()).toBeGreaterThan(before));
  return { answer, isAnswered: () => answered };
}

/** Calls that this server lets wait. */
async function waiting(): Promise<number> {
  const { text } = await node.call('GET', '/metrics');
  return Number(/^parley_waiting_calls (\d+)$/m.exec(text)?.[1]);
}

describe('GET /v1/messages/unread?wait=', () => {
  it('answers at once when something is unread, as it would without wait', async () => {
    const user = aUser();
    await node.send(user, 'one');
    await node.send(user, 'two');
    const { body } = await poll(user, LONG);
    expect(body).toEqual(await node.ok('GET', `/v1/messages/unread?platform_user_id=${user}`));
    expect(body).toMatchObject({ unread_count: 2 });
  });

  it.each(['assistant', 'system'])('answers as soon as a message of the %s comes', async (sender) => {
    const user = aUser();
    const { answer } = await beginPoll(user);
    const sent = await node.send(user, '', { message: { payload: { content: 'hello', sender } } });
    expect(await answer).toMatchObject({ status: 200, body: { messages: [sent], unread_count: 1 } });
    expect((await answer).ms).toBeLessThan((LONG * 1000) / 2);
  });

  it('is not woken by what the user says, edits, reads or deletes', async () => {
    const user = aUser();
    const old = await node.send(user, 'read already');
    await node.ok('POST', '/v1/messages/read', { platform_user_id: user, up_to_seq: 1 });
    const { answer, isAnswered } = await beginPoll(user);
    const { id } = await node.receive(user, 'anybody there?');
    await node.ok('PATCH', `/v1/messages/${id}`, { content: 'hello?' });
    await node.ok('PATCH', `/v1/messages/${old.id}`, { content: 'edited' });
    await node.ok('DELETE', `/v1/messages/${id}`);
    expect(isAnswered()).toBe(false);
    const sent = await node.send(user, 'yes');
    expect((await answer).body).toEqual({ messages: [sent], unread_count: 1, next_after: null });
  });

  it('is empty when time is up, and waits no longer', async () => {
    const user = aUser();
    const began = Date.now();
    expect(await poll(user, 1)).toMatchObject({ status: 200, body: NOTHING });
    expect(Date.now() - began).toBeGreaterThanOrEqual(990);
    expect(Date.now() - began).toBeLessThan(4_000);
  });

  it('does not wait with wait=0', async () => {
    const user = aUser();
    expect(await poll(user, 0)).toMatchObject({ status: 200, body: NOTHING });
  });

  it.each(['61', '-1', '1.5', 'x', '1e9', ''])('refuses wait=%s', async (wait) => {
    const answer = await poll(aUser(), wait);
    expect(answer).toMatchObject({
      status: 422,
      body: { error: { code: 'invalid_parameter', details: { fields: { wait: expect.any(Array) } } } },
    });
  });

  it('waits for the session that was asked for', async () => {
    const user = aUser();
    const inSession = (name: string) => ({
      message: { payload: { content: name }, agent_session_id: `${user}-${name}` },
    });
    await node.send(user, '', inSession('other'));
    const { answer, isAnswered } = await beginPoll(user, `&agent_session_id=${user}-own`);
    await node.send(user, '', inSession('other'));
    expect(isAnswered()).toBe(false);
    const sent = await node.send(user, '', inSession('own'));
    expect((await answer).body).toMatchObject({ messages: [sent], unread_count: 1 });
  });

  it('waits for what comes after a position', async () => {
    const user = aUser();
    await node.send(user, 'one');
    const { answer, isAnswered } = await beginPoll(user, '&after=1');
    expect(isAnswered()).toBe(false);
    const sent = await node.send(user, 'two');
    expect((await answer).body).toMatchObject({ messages: [sent], unread_count: 2 });
  });

  it('is answered to all who wait, each for its own user', async () => {
    const [user, other] = [aUser(), aUser()];
    const own = await Promise.all([beginPoll(user), beginPoll(user), beginPoll(user)]);
    const elsewhere = await beginPoll(other);
    const sent = await node.send(user, 'hello');
    for (const { answer } of own) expect((await answer).body.messages).toEqual([sent]);
    expect(elsewhere.isAnswered()).toBe(false);
    await node.send(other, 'hello');
    expect((await elsewhere.answer).body.unread_count).toBe(1);
  });

  it('costs one unit of the rate limit', async () => {
    const user = aUser();
    const { key } = await node.newKey({ scopes: ['user'], rate_limit_per_hour: 10 });
    const path = `/v1/messages/unread?platform_user_id=${user}&wait=`;
    const left = async (wait: number) =>
      (await node.call('GET', path + wait, undefined, key)).headers.get('x-ratelimit-remaining');
    expect(await left(1)).toBe('9');
    expect(await left(0)).toBe('8');
  });

  it('ends when the client goes away', async () => {
    const aborts = Array.from({ length: 30 }, () => new AbortController());
    const polls = aborts.map(({ signal }) =>
      fetch(`${node.url}/v1/messages/unread?platform_user_id=${aUser()}&wait=${LONG}`, {
        signal,
        headers: { authorization: `Bearer ${node.key}` },
      }).catch(() => 'gone'),
    );
    await eventually(async () => expect(await waiting()).toBe(30));
    for (const abort of aborts) abort.abort();
    expect(new Set(await Promise.all(polls))).toEqual(new Set(['gone']));
    await eventually(async () => expect(await waiting()).toBe(0));
  });

  it('is as available to a user token and an agent’s key, and as closed to others', async () => {
    const user = aUser();
    await node.send(user, 'hello');
    const { key } = await node.newKey({ scopes: ['agent'] });
    const as = (credential: string, query: string) =>
      node.call('GET', `/v1/messages/unread?wait=1${query}`, undefined, credential);
    expect((await as(await node.token(user), '')).body.unread_count).toBe(1);
    expect((await as(key, `&platform_user_id=${user}`)).body.unread_count).toBe(1);
    expect((await as(await node.token(aUser()), `&platform_user_id=${user}`)).status).toBe(403);
  });
});
