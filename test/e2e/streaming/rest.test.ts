import { eventually } from '../../support/eventually.js';
import { aUser, startTestNode, type TestNode } from '../../support/node.js';
import { closeSockets } from '../../support/socket.js';
import { joined, openStreamingRequest, type StreamingRequest } from './streaming-request.js';

let node: TestNode;
beforeAll(async () => void (node = await startTestNode({ STREAM_SAVE_MS: '20' })));
afterEach(closeSockets);
afterAll(() => node.stop());

function open(options?: Parameters<typeof openStreamingRequest>[2]): StreamingRequest {
  return openStreamingRequest(node.url, node.key, options);
}

async function messagesOf(user: string): Promise<any[]> {
  return (await node.ok('GET', `/v1/messages/all?platform_user_id=${user}`)).messages;
}

describe('POST /v1/message/stream', () => {
  it('shows lines to the user as they come, and answers with the message', async () => {
    const user = aUser();
    const device = await node.device(user);
    const agent = open();
    agent.lines({
      platform_user_id: user,
      agent_session_id: 's1',
      metadata: { model: 'm' },
      payload: { mood: 1 },
    });
    agent.lines({ delta: '' }, { delta: 'Hello' });
    const start = await device.next('message');
    expect(start).toMatchObject({ status: 'streaming', payload: { content: '' }, agent_session_id: 's1' });
    expect(await device.next('message:delta')).toEqual({
      message_id: start.id,
      agent_session_id: 's1',
      offset: 0,
      delta: 'Hello',
    });
    agent.lines({ delta: ', ' }, { delta: 'wörld 😀' });
    await eventually(() => expect(joined(device.events('message:delta'), start.id)).toBe('Hello, wörld 😀'));
    agent.lines({ finish: { metadata: { tokens: 3 } } });
    agent.end();
    const { status, body } = await agent.answer;
    expect(status).toBe(201);
    expect(body).toMatchObject({
      id: start.id,
      status: 'complete',
      payload: { content: 'Hello, wörld 😀', sender: 'assistant', attachments: [], mood: 1 },
      metadata: { tokens: 3 },
    });
    expect(await device.next('message:updated')).toEqual(body);
    expect(await messagesOf(user)).toEqual([body]);
  });

  it('takes plain text, whose query says to whom, also where a chunk cuts a character', async () => {
    const user = aUser();
    const agent = open({ type: 'text/plain; charset=utf-8', query: { platform_user_id: user } });
    const bytes = Buffer.from('Grüße 😀!');
    for (const byte of bytes) {
      agent.raw.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    agent.end();
    const { status, body } = await agent.answer;
    expect([status, body.payload.content, body.status]).toEqual([201, 'Grüße 😀!', 'complete']);
    expect(await messagesOf(user)).toEqual([body]);
  });

  it('may end as cancelled', async () => {
    const user = aUser();
    const agent = open();
    agent.lines({ platform_user_id: user }, { delta: 'Well' }, { finish: { status: 'cancelled' } });
    agent.end();
    expect((await agent.answer).body).toMatchObject({ status: 'cancelled', payload: { content: 'Well' } });
  });

  it('leaves what has come as incomplete when the connection breaks', async () => {
    const user = aUser();
    const device = await node.device(user);
    const agent = open();
    agent.lines({ platform_user_id: user }, { delta: 'Half an ans' });
    await device.next('message:delta');
    agent.destroy();
    const ended = await device.next('message:updated');
    expect(ended).toMatchObject({ status: 'incomplete', payload: { content: 'Half an ans' } });
    expect(await messagesOf(user)).toEqual([ended]);
  });

  it.each([
    ['no JSON', '{"delta": "b"', 'invalid_request', 3],
    ['an unknown field', '{"text": "b"}', 'invalid_parameter', 3],
    ['no object', '["b"]', 'invalid_request', 3],
    ['neither piece nor end', '{}', 'invalid_parameter', 3],
    ['a NUL character', '{"delta": "\\u0000"}', 'invalid_parameter', 3],
    ['a piece after the end', '{"finish": {}}\n{"delta": "b"}', 'invalid_parameter', 4],
  ])('names the line with %s, and keeps what came before it', async (_, line, code, number) => {
    const user = aUser();
    const agent = open();
    agent.lines({ platform_user_id: user }, { delta: 'a' });
    agent.write(`${line}\n`);
    agent.end();
    const { status, body } = await agent.answer;
    expect(status).toBe(code === 'invalid_request' ? 400 : 422);
    expect(body.error).toMatchObject({ code, details: { line: number } });
    expect(body.error.message).toContain(`Line ${number}: `);
    const [message] = await messagesOf(user);
    expect(message).toMatchObject({ status: 'incomplete', payload: { content: 'a' } });
    expect(body.error.details).toMatchObject({ message_id: message.id, status: 'incomplete' });
  });

  it.each([
    ['no first line', '', 400],
    ['nobody to go to', '{"metadata": {}}\n', 422],
    ['text in the payload', '{"platform_user_id": "u", "payload": {"content": "x"}}\n', 422],
    ['a user as the sender', '{"platform_user_id": "u", "payload": {"sender": "user"}}\n', 422],
    ['no JSON', 'hello\n', 400],
    ['a header alone', '{"platform_user_id": "u"}\n', 422],
    ['pieces without text', '{"platform_user_id": "u"}\n{"delta": ""}\n{"delta": ""}\n', 422],
    ['an end without text', '{"platform_user_id": "u"}\n{"finish": {}}\n', 422],
    ['no text and no JSON', '{"platform_user_id": "u"}\n{"delta": ""}\nhello\n', 400],
    ['a NUL character at once', '{"platform_user_id": "u"}\n{"delta": "\\u0000"}\n', 422],
  ])('refuses %s, and writes nothing', async (_, text, status) => {
    const agent = open();
    if (text) agent.write(text);
    agent.end();
    const { status: answered, body } = await agent.answer;
    expect(answered).toBe(status);
    expect(body.error.details.message_id).toBeUndefined();
    expect(await messagesOf('u')).toEqual([]);
  });

  it('refuses another content type, a body that is not UTF-8, and an answer without text', async () => {
    const user = aUser();
    const json = await node.call('POST', '/v1/message/stream', { platform_user_id: user });
    expect(json).toMatchObject({ status: 400, body: { error: { code: 'invalid_request' } } });
    const text = { type: 'text/plain', query: { platform_user_id: user } };
    const garbled = open(text);
    garbled.raw.end(Buffer.from([0x61, 0xff]));
    expect((await garbled.answer).status).toBe(400);
    const empty = open(text);
    empty.end();
    expect((await empty.answer).status).toBe(400);
    const noText = open();
    noText.lines({ platform_user_id: user });
    noText.end();
    const { status, body } = await noText.answer;
    expect([status, body.error.code]).toEqual([422, 'invalid_parameter']);
    expect(await messagesOf(user)).toEqual([]);
  });

  it('may be attachments alone', async () => {
    const agent = open();
    const attachments = [{ name: 'a.png', url: 'https://example.com/a.png' }];
    agent.lines({ platform_user_id: aUser() }, { finish: { payload: { attachments } } });
    agent.end();
    const { status, body } = await agent.answer;
    expect([status, body.status, body.payload.content]).toEqual([201, 'complete', '']);
    expect(body.payload.attachments).toHaveLength(1);
  });

  it('needs the scope agent, before it reads anything', async () => {
    const { key } = await node.newKey({ scopes: ['user'] });
    const agent = openStreamingRequest(node.url, key);
    agent.lines({ platform_user_id: aUser() });
    expect((await agent.answer).status).toBe(403); // though the body has no end yet
    agent.destroy();
  });

  it('takes no more than a message may have', async () => {
    const user = aUser();
    const agent = open({ type: 'text/plain', query: { platform_user_id: user } });
    for (let i = 0; i < 17; i++) agent.write('x'.repeat(65_536));
    expect((await agent.answer).status).toBe(413);
    agent.destroy();
    const [message] = await messagesOf(user);
    expect(message.status).toBe('incomplete');
    expect(message.payload.content.length).toBeLessThan(1_048_576);
  });

  it('is safe to repeat by its client_message_id, also as a header', async () => {
    const user = aUser();
    const send = async (headers: object, line: object): Promise<any> => {
      const agent = open({ headers });
      agent.lines({ platform_user_id: user, ...line }, { delta: 'once' });
      agent.end();
      return agent.answer;
    };
    const first = await send({}, { client_message_id: 'c1' });
    const again = await send({ 'idempotency-key': 'c1' }, {});
    expect([first.status, again.status]).toEqual([201, 200]);
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect(again.body).toEqual(first.body);
    expect((await send({}, { client_message_id: 'c1', metadata: { x: 1 } })).status).toBe(409);
    expect(await messagesOf(user)).toEqual([first.body]);
  });

  it('is not repeated, and says so, when the call before was broken off', async () => {
    const user = aUser();
    const start = { platform_user_id: user, client_message_id: 'c1' };
    const broken = open();
    broken.lines(start, { delta: 'Half an ans' });
    await eventually(async () => expect(await messagesOf(user)).toHaveLength(1));
    broken.destroy();
    const left = await eventually(async () => {
      const [message] = await messagesOf(user);
      expect(message.status).toBe('incomplete');
      return message;
    });
    const again = open();
    again.lines(start, { delta: 'Half an answer' });
    again.end();
    const { status, body } = await again.answer;
    expect([status, body.error.code]).toEqual([409, 'resource_conflict']);
    expect(body.error.details).toEqual({
      field: 'client_message_id',
      message_id: left.id,
      status: 'incomplete',
    });
    expect(await messagesOf(user)).toEqual([left]);
  });
});

describe('a message that asks and waits', () => {
  it('is answered with the stream once that is complete', async () => {
    const user = aUser();
    const asking = node.ok('POST', '/v1/message/receive?wait=20', {
      platform_user_id: user,
      message: 'well?',
    });
    await eventually(async () => expect(await messagesOf(user)).toHaveLength(1));
    const agent = open();
    agent.lines({ platform_user_id: user }, { delta: 'first ' });
    await eventually(async () => expect(await messagesOf(user)).toHaveLength(2));
    agent.lines({ delta: 'last' });
    agent.end();
    const { body } = await agent.answer;
    expect((await asking).reply).toEqual(body);
    expect(body.payload.content).toBe('first last');
  });

  it('is counted and polled as unread when it is complete, not before', async () => {
    const user = aUser();
    const agent = open();
    agent.lines({ platform_user_id: user }, { delta: 'first' });
    await eventually(async () => expect(await messagesOf(user)).toHaveLength(1));
    expect(await node.ok('GET', `/v1/messages/unread?platform_user_id=${user}`)).toMatchObject({
      messages: [],
      unread_count: 0,
    });
    const polling = node.ok('GET', `/v1/messages/unread?platform_user_id=${user}&wait=20`);
    agent.end();
    const { body } = await agent.answer;
    expect(await polling).toMatchObject({ messages: [body], unread_count: 1 });
  });
});

it('costs one unit of the rate limit, however many pieces', async () => {
  const { key } = await node.newKey({ scopes: ['user', 'agent'], rate_limit_per_hour: 10 });
  const left = async (): Promise<number> => {
    const { headers } = await node.call('GET', '/v1/sessions?platform_user_id=u', undefined, key);
    return Number(headers.get('x-ratelimit-remaining'));
  };
  const before = await left();
  const agent = openStreamingRequest(node.url, key);
  agent.lines({ platform_user_id: aUser() }, ...Array.from({ length: 50 }, () => ({ delta: 'x' })));
  agent.end();
  expect((await agent.answer).status).toBe(201);
  expect(await left()).toBe(before - 2);
});
