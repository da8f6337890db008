import { eventually } from '../../support/eventually.js';
import { aUser, startTestNode, type TestNode } from '../../support/node.js';
import { closeSockets, type Recorder } from '../../support/socket.js';

const MAX_BODY_BYTES = 65_536;
let node: TestNode;
let user: string;
let device: Recorder;

beforeAll(async () => void (node = await startTestNode({ MAX_BODY_BYTES: String(MAX_BODY_BYTES) })));
beforeEach(async () => {
  user = aUser();
  device = await node.device(user);
});
afterEach(closeSockets);
afterAll(() => node.stop());

/** The acknowledgement of a command that is refused. */
function refused(code: string, ...fields: string[]): unknown {
  const named = fields.map((field) => [field, expect.any(Array)] as const);
  const details = fields.length > 0 ? { fields: Object.fromEntries(named) } : expect.any(Object);
  return { ok: false, error: { code, message: expect.any(String), details } };
}

/** The contents of the log, by REST. */
async function contents(of = user): Promise<string[]> {
  const { messages } = await node.ok('GET', `/v1/messages/all?limit=200&platform_user_id=${of}`);
  return messages.map(({ payload }: any) => payload.content);
}

describe('message:receive', () => {
  it('is acknowledged with the message, as REST would answer it', async () => {
    const body = {
      message: { payload: { content: 'hello' } },
      agent_session_id: `s-${user}`,
      metadata: { a: 1 },
    };
    const answer = await device.command('message:receive', body);
    expect(answer).toEqual({
      ok: true,
      data: {
        id: expect.stringMatching(/^msg_/),
        platform_user_id: user,
        agent_session_id: `s-${user}`,
        seq: 1,
        updated_seq: 1,
        payload: { content: 'hello', sender: 'user', attachments: [] },
        metadata: { a: 1 },
        status: 'complete',
        read: false,
        read_at: null,
        created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        updated_at: answer.data.created_at,
      },
    });
    const { messages } = await node.ok('GET', `/v1/messages/all?platform_user_id=${user}`);
    expect(messages).toEqual([answer.data]);
  });

  it('may name its own platform user', async () => {
    const answer = await device.command('message:receive', { message: 'hi', platform_user_id: user });
    expect(answer).toMatchObject({ ok: true, data: { platform_user_id: user } });
  });

  it.each<[string, unknown, string, string[]]>([
    ['nothing', undefined, 'missing_parameter', ['message']],
    ['null', null, 'missing_parameter', ['message']],
    ['an empty object', {}, 'missing_parameter', ['message']],
    ['a text', 'hello', 'invalid_request', []],
    ['a number', 7, 'invalid_request', []],
    ['an array', [{ message: 'x' }], 'invalid_request', []],
    ['an unknown field', { message: 'x', nope: 1 }, 'invalid_parameter', ['nope']],
    ['an empty text', { message: '' }, 'invalid_parameter', ['message.payload.content']],
    ['a number as message', { message: 5 }, 'invalid_parameter', ['message']],
    ['no content', { message: { payload: {} } }, 'missing_parameter', ['message.payload.content']],
    ['NUL', { message: 'a\u0000b' }, 'invalid_parameter', ['message']],
    ['a lone surrogate', { message: '\ud800' }, 'invalid_parameter', ['message']],
    ['binary content', { message: Buffer.from('x') }, 'invalid_parameter', ['message']],
    [
      'binary deep inside',
      { message: { payload: { content: 'x', blob: [Buffer.from('x')] } } },
      'invalid_parameter',
      ['message.payload.blob.0'],
    ],
    ['binary metadata', { message: 'x', metadata: Buffer.from('x') }, 'invalid_parameter', ['metadata']],
    [
      'the assistant as sender',
      { message: { payload: { content: 'x', sender: 'assistant' } } },
      'invalid_parameter',
      ['message.payload.sender'],
    ],
    ['a bad session id', { message: 'x', agent_session_id: '' }, 'invalid_parameter', ['agent_session_id']],
    [
      'a script as attachment',
      { message: { payload: { content: 'x', attachments: [{ name: 'a', url: 'javascript:alert(1)' }] } } },
      'invalid_parameter',
      ['message.payload.attachments.0.url'],
    ],
    [
      'deep nesting',
      { message: 'x', metadata: JSON.parse(`${'{"a":'.repeat(40)}1${'}'.repeat(40)}`) },
      'invalid_parameter',
      [`metadata${'.a'.repeat(31)}`],
    ],
  ])('refuses %s', async (_, body, code, fields) => {
    expect(await device.command('message:receive', body)).toEqual(refused(code, ...fields));
    expect(await contents()).toEqual([]);
  });

  it('refuses another platform user', async () => {
    const other = aUser();
    const answer = await device.command('message:receive', { message: 'x', platform_user_id: other });
    expect(answer).toEqual(refused('insufficient_permissions'));
    expect(await contents(other)).toEqual([]);
  });

  it('refuses another user’s session and a closed one', async () => {
    const foreign = (await node.receive(aUser(), 'hi')).agent_session_id;
    const own = (await node.receive(user, 'hi')).agent_session_id;
    await node.ok('PATCH', `/v1/sessions/${own}`, { status: 'closed' });
    for (const agent_session_id of [foreign, own]) {
      const answer = await device.command('message:receive', { message: 'x', agent_session_id });
      expect(answer).toMatchObject(refused('resource_conflict') as object);
    }
    expect(await contents()).toEqual(['hi']);
  });

  it('keeps the order of messages that one socket sends without waiting', async () => {
    const texts = Array.from({ length: 150 }, (_, index) => `message ${index}`);
    const answers = await Promise.all(
      texts.map((text, index) =>
        device.command('message:receive', {
          message: text,
          ...(index % 3 === 0 && { agent_session_id: `s-${user}-${index % 2}` }),
          ...(index % 5 === 0 && { client_message_id: `c-${index}` }),
        }),
      ),
    );
    expect(answers.map(({ data }) => data.seq)).toEqual(texts.map((_, index) => index + 1));
    expect(await contents()).toEqual(texts);
    await eventually(() =>
      expect(device.events('message').map(({ payload }) => payload.content)).toEqual(texts),
    );
  });

  it('keeps that order also while sessions come and go', async () => {
    const session = `s-${user}`;
    await node.receive(user, 'first', { agent_session_id: session });
    const texts = Array.from({ length: 100 }, (_, index) => `message ${index}`);
    const toggling = (async () => {
      for (let i = 0; i < 10; i++)
        await node.ok('PATCH', `/v1/sessions/${session}`, { status: i % 2 === 0 ? 'closed' : 'open' });
    })();
    const answers = [];
    for (const part of [texts.slice(0, 30), texts.slice(30, 60), texts.slice(60)])
      answers.push(
        ...(await Promise.all(part.map((text) => device.command('message:receive', { message: text })))),
      );
    await toggling;
    expect(answers.map(({ ok }) => ok)).not.toContain(false);
    expect(await contents()).toEqual(['first', ...texts]);
  });
});

describe('idempotency over the socket', () => {
  const body = { message: 'once', client_message_id: 'c1' };

  it('answers the stored message, to any device and over REST', async () => {
    const first = await device.command('message:receive', body);
    const other = await node.device(user);
    expect(await device.command('message:receive', body)).toEqual(first);
    expect(await other.command('message:receive', body)).toEqual(first);
    expect(await node.ok('POST', '/v1/message/receive', { platform_user_id: user, ...body })).toEqual(
      first.data,
    );
    expect(await contents()).toEqual(['once']);
  });

  it('answers all of many repeats at once with one message', async () => {
    const other = await node.device(user);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => (index % 2 ? device : other).command('message:receive', body)),
    );
    expect(new Set(answers.map(({ data }) => data.id)).size).toBe(1);
    expect(await contents()).toEqual(['once']);
  });

  it('refuses the same id with another body', async () => {
    await device.command('message:receive', body);
    const answer = await device.command('message:receive', { ...body, message: 'twice' });
    expect(answer).toMatchObject(refused('resource_conflict') as object);
    expect(await contents()).toEqual(['once']);
  });
});

describe('messages:read', () => {
  it('is acknowledged with the read state', async () => {
    await node.send(user, 'one');
    const { id } = await node.send(user, 'two');
    const single = await device.command('messages:read', { message_ids: [id] });
    expect(single).toEqual({ ok: true, data: { seq: 3, read_seq: 0, unread_count: 1 } });
    const all = await device.command('messages:read', { up_to_seq: 3 });
    expect(all).toEqual({ ok: true, data: { seq: 3, read_seq: 3, unread_count: 0 } });
  });

  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'missing_parameter'],
    ['neither', {}, 'missing_parameter'],
    ['both', { up_to_seq: 1, message_ids: ['msg_x'] }, 'invalid_parameter'],
    ['a negative position', { up_to_seq: -1 }, 'invalid_parameter'],
    ['a position as text', { up_to_seq: '1' }, 'invalid_parameter'],
    ['no ids', { message_ids: [] }, 'invalid_parameter'],
    ['an unknown id', { message_ids: ['msg_00000000000000000000'] }, 'resource_not_found'],
    ['no id at all', { message_ids: ['nonsense'] }, 'resource_not_found'],
    ['another platform user', { up_to_seq: 1, platform_user_id: 'other' }, 'insufficient_permissions'],
  ])('refuses %s', async (_, body, code) => {
    expect(await device.command('messages:read', body)).toEqual({
      ok: false,
      error: { code, message: expect.any(String), details: expect.any(Object) },
    });
  });

  it('refuses all when one id is another user’s', async () => {
    const own = await node.send(user, 'own');
    const foreign = await node.send(aUser(), 'foreign');
    const answer = await device.command('messages:read', { message_ids: [own.id, foreign.id] });
    expect(answer).toEqual(refused('resource_not_found'));
    expect((await node.ok('GET', `/v1/messages/unread?platform_user_id=${user}`)).unread_count).toBe(1);
  });
});

describe('typing', () => {
  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'missing_parameter'],
    ['no boolean', { typing: 'yes' }, 'invalid_parameter'],
    ['an unknown field', { typing: true, sender: 'assistant' }, 'invalid_parameter'],
    ['a session id that is an object', { typing: true, agent_session_id: {} }, 'invalid_parameter'],
  ])('refuses %s', async (_, body, code) => {
    expect(await device.command('typing', body)).toMatchObject({ ok: false, error: { code } });
  });
});
