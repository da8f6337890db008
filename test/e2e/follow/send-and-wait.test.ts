import { eventually } from '../../support/eventually.js';
import { aUser, startTestNode, type TestNode } from '../../support/node.js';

let node: TestNode;
beforeAll(async () => void (node = await startTestNode()));
afterAll(() => node.stop());

/** Long enough that an answer which comes by itself is no accident. */
const LONG = 30;

const ask = (user: string, wait: number | string, more: object = {}) =>
  node.call('POST', `/v1/message/receive?wait=${wait}`, { platform_user_id: user, message: 'Hi?', ...more });

const say = (user: string, agent_session_id: string, content: string, sender = 'assistant') =>
  node.send(user, '', { message: { payload: { content, sender }, agent_session_id } });

/** Asks, and resolves when the question is in the log. */
async function beginToAsk(user: string, more: object = {}) {
  let answered = false;
  const answer = ask(user, LONG, more).finally(() => void (answered = true));
  const question = await eventually(async () => {
    const { messages } = await node.ok('GET', `/v1/messages/all?order=desc&platform_user_id=${user}`);
    const found = messages.find(({ payload }: any) => payload.content === 'Hi?');
    if (!found) throw new Error('not asked yet');
    return found;
  });
  return { answer, question, isAnswered: () => answered };
}

describe('POST /v1/message/receive?wait=', () => {
  it('answers what was sent, and what the assistant said to it', async () => {
    const user = aUser();
    const { answer, question } = await beginToAsk(user);
    const reply = await say(user, question.agent_session_id, 'Hello!');
    const { status, body } = await answer;
    expect(status).toBe(201);
    expect(body).toEqual({ message: question, reply });
  });

  it('takes the first of several replies', async () => {
    const user = aUser();
    const { answer, question } = await beginToAsk(user);
    const [first] = await Promise.all(
      ['one', 'two', 'three'].map((text) => say(user, question.agent_session_id, text)),
    );
    const { reply } = (await answer).body;
    const { messages } = await node.ok('GET', `/v1/messages/all?platform_user_id=${user}`);
    expect(first).toBeDefined();
    expect(reply).toEqual(messages[1]);
  });

  it('passes over system messages, the user’s own, deleted ones and other sessions', async () => {
    const user = aUser();
    const { answer, question, isAnswered } = await beginToAsk(user, { agent_session_id: `${user}-a` });
    await say(user, `${user}-b`, 'elsewhere');
    await say(user, `${user}-a`, 'the assistant is typing', 'system');
    await node.receive(user, 'still there?', { agent_session_id: `${user}-a` });
    expect(isAnswered()).toBe(false);
    const reply = await say(user, `${user}-a`, 'yes');
    expect((await answer).body).toEqual({ message: question, reply });
  });

  it('does not take an earlier message for a reply', async () => {
    const user = aUser();
    const { agent_session_id } = await node.receive(user, 'before');
    await say(user, agent_session_id, 'an answer to something else');
    const { body } = await ask(user, 1);
    expect(body).toEqual({ message: expect.objectContaining({ seq: 3 }), reply: null });
  });

  it('has no reply when time is up; the message stays', async () => {
    const user = aUser();
    const began = Date.now();
    const { status, body } = await ask(user, 1);
    expect(Date.now() - began).toBeGreaterThanOrEqual(990);
    expect(status).toBe(201);
    expect(body.reply).toBeNull();
    const { messages } = await node.ok('GET', `/v1/messages/all?platform_user_id=${user}`);
    expect(messages).toEqual([body.message]);
  });

  it('looks once, and answers in this shape, with wait=0', async () => {
    const user = aUser();
    const more = { client_message_id: 'q1' };
    const { body } = await ask(user, 0, more);
    expect(body).toEqual({ message: expect.objectContaining({ seq: 1 }), reply: null });
    const reply = await say(user, body.message.agent_session_id, 'late');
    expect((await ask(user, 0, more)).body).toEqual({ message: body.message, reply });
  });

  it('can be repeated: the message is sent once, and the reply is found', async () => {
    const user = aUser();
    const more = { client_message_id: 'q1' };
    const first = await beginToAsk(user, more);
    const second = ask(user, LONG, more);
    const reply = await say(user, first.question.agent_session_id, 'Hello!');
    const expected = { message: first.question, reply };
    expect((await first.answer).body).toEqual(expected);
    const repeated = await second;
    expect(repeated).toMatchObject({ status: 200, body: expected });
    expect(repeated.headers.get('idempotent-replayed')).toBe('true');
    const late = await ask(user, LONG, more);
    expect(late).toMatchObject({ status: 200, body: expected });
    expect((await node.ok('GET', `/v1/messages/all?platform_user_id=${user}`)).total).toBe(2);
  });

  it('finds a reply that stands behind many other messages', async () => {
    const user = aUser();
    const more = { client_message_id: 'q1' };
    const { body } = await ask(user, 0, more);
    const session = body.message.agent_session_id;
    await Promise.all(Array.from({ length: 120 }, (_, i) => say(user, session, `notice ${i}`, 'system')));
    const reply = await say(user, session, 'at last');
    expect((await ask(user, 0, more)).body.reply).toEqual(reply);
  });

  it.each(['61', '-1', '1.5', 'x'])('refuses wait=%s, and sends nothing', async (wait) => {
    const user = aUser();
    expect(await ask(user, wait)).toMatchObject({
      status: 422,
      body: { error: { code: 'invalid_parameter', details: { fields: { wait: expect.any(Array) } } } },
    });
    expect((await node.ok('GET', `/v1/messages/all?platform_user_id=${user}`)).total).toBe(0);
  });

  it('answers what is wrong with the message at once', async () => {
    const user = aUser();
    const { agent_session_id } = await node.receive(user, 'hi');
    await node.ok('PATCH', `/v1/sessions/${agent_session_id}`, { status: 'closed' });
    expect((await ask(user, LONG, { agent_session_id })).status).toBe(409);
    expect((await ask(user, LONG, { message: 1 })).status).toBe(422);
  });

  it('costs one unit of the rate limit', async () => {
    const user = aUser();
    const { key } = await node.newKey({ scopes: ['user'], rate_limit_per_hour: 10 });
    const body = { platform_user_id: user, message: 'hi' };
    const answer = await node.call('POST', '/v1/message/receive?wait=1', body, key);
    expect(answer.headers.get('x-ratelimit-remaining')).toBe('9');
  });

  it('stays in the log when the client goes away while it waits', async () => {
    const user = aUser();
    const abort = new AbortController();
    const asking = fetch(`${node.url}/v1/message/receive?wait=${LONG}`, {
      method: 'POST',
      signal: abort.signal,
      headers: { authorization: `Bearer ${node.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ platform_user_id: user, message: 'Hi?' }),
    }).catch(() => 'gone');
    const total = async () => (await node.ok('GET', `/v1/messages/all?platform_user_id=${user}`)).total;
    await eventually(async () => expect(await total()).toBe(1));
    abort.abort();
    expect(await asking).toBe('gone');
    expect(await total()).toBe(1);
  });
});
