import { aUser, startTestNode, type TestNode } from '../../support/node.js';
import { closeSockets } from '../../support/socket.js';
import { abortStreams, openStream, type StreamOptions } from './event-stream.js';

let node: TestNode;
beforeAll(async () => void (node = await startTestNode()));
afterEach(() => {
  abortStreams();
  closeSockets();
});
afterAll(() => node.stop());

const stream = (user: string, query: object = {}, options: StreamOptions = {}) =>
  openStream(node.url, { platform_user_id: user, ...query }, { credential: node.key, ...options });

/** What came, each as "event id". */
const trail = (from: { received(): { event: string; id?: string }[] }) =>
  from.received().map(({ event, id }) => `${event} ${id}`);

async function write(user: string, count: number): Promise<any[]> {
  const messages = [];
  for (let i = 0; i < count; i++) messages.push(await node.send(user, `m${i}`));
  return messages;
}

describe('GET /v1/stream', () => {
  it('is an event stream that says when to come again, and whose it is', async () => {
    const user = aUser();
    await write(user, 2);
    const own = await stream(user);
    expect(own.status).toBe(200);
    expect(own.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': expect.stringContaining('no-cache'),
      'x-accel-buffering': 'no',
      'x-request-id': expect.any(String),
    });
    expect(await own.nth('ready', 1)).toEqual({
      platform_user_id: user,
      epoch: expect.any(String),
      seq: 2,
      read_seq: 0,
      unread_count: 2,
      connection_id: expect.any(String),
      expires_at: null,
      reset: false,
    });
    expect(own.text()).toMatch(/^retry: \d{3,5}\n\n/);
  });

  it('pushes new messages and sessions as a socket gets them, each with its position', async () => {
    const user = aUser();
    const own = await stream(user);
    const device = await node.device(user);
    await own.nth('ready', 1);
    const first = await node.receive(user, 'one\n\ntwo\r\nevent: ready\ndata: {}');
    const second = await node.send(user, 'line separators \u2028 \u0085 and an umlaut ü 🎈');
    expect(await own.nth('message', 2)).toEqual(second);
    expect(own.events('message')).toEqual([first, second]);
    await device.next('session');
    expect(own.events('session')).toEqual(device.events('session'));
    expect(trail(own).slice(1)).toEqual(['message 1', 'session 1', 'message 2']);
  });

  it('pushes edits, deletions and single read marks with the position of the change', async () => {
    const user = aUser();
    const [a, b] = await write(user, 2);
    const own = await stream(user);
    await own.nth('ready', 1);
    const edited = await node.ok('PATCH', `/v1/messages/${a.id}`, { content: 'edited' });
    const deleted = await node.ok('DELETE', `/v1/messages/${b.id}`);
    await node.ok('PUT', `/v1/messages/${a.id}/read`);
    await own.nth('message:updated', 3);
    expect(own.events('message:updated').slice(0, 2)).toEqual([edited, deleted]);
    expect(trail(own).filter((line) => line.startsWith('message'))).toEqual([
      'message:updated 3',
      'message:updated 4',
      'message:updated 5',
    ]);
  });

  it('tells of reading and typing, which have no position', async () => {
    const user = aUser();
    await write(user, 2);
    const own = await stream(user);
    await own.nth('ready', 1);
    const device = await node.device(user);
    const state = await node.ok('POST', '/v1/messages/read', { platform_user_id: user, up_to_seq: 1 });
    expect(await own.nth('read', 1)).toEqual(state);
    await device.command('typing', { typing: true });
    expect(await own.nth('typing', 1)).toEqual({ agent_session_id: null, sender: 'user', typing: true });
    expect(trail(own).slice(1)).toEqual(['read undefined', 'typing undefined']);
  });

  it('never shows the agent’s memory', async () => {
    const user = aUser();
    const { agent_session_id } = await node.send(user, 'a');
    const own = await stream(user, { after: 0 });
    await own.nth('ready', 1); // what is replayed later would hold only how the session is then
    await node.ok('PATCH', `/v1/sessions/${agent_session_id}`, { context: { secret: 'plan' } });
    expect(await own.nth('session', 2)).toMatchObject({ agent_session_id, context: {} });
    expect(own.text()).not.toContain('plan');
  });
});

describe('a stream that resumes', () => {
  it('begins at the present without a position', async () => {
    const user = aUser();
    await write(user, 2);
    const own = await stream(user);
    await own.nth('ready', 1);
    await node.send(user, 'live');
    await own.nth('message', 1);
    expect(trail(own)).toEqual(['ready 2', 'message 3']);
  });

  it('continues after `after`, and says ready after the replay', async () => {
    const user = aUser();
    const messages = await write(user, 5);
    const own = await stream(user, { after: 3 });
    await own.nth('ready', 1);
    expect(trail(own)).toEqual(['message 4', 'message 5', 'ready 5']);
    expect(own.events('message')).toEqual(messages.slice(3));
  });

  it('replays what somebody wrote into the database with line breaks as one event', async () => {
    const user = aUser();
    const message = await node.send(user, 'pretty', { message: { payload: { content: 'a\nb' } } });
    const pretty = JSON.stringify(message.payload, null, 2);
    await node.query('UPDATE messages SET payload = $1 WHERE payload::text = $2', [
      pretty,
      JSON.stringify(message.payload),
    ]);
    const own = await stream(user, { after: 0 });
    expect(await own.nth('message', 1)).toEqual(message);
  });

  it('continues after Last-Event-ID, which wins over `after`', async () => {
    const user = aUser();
    await write(user, 4);
    const lastEventId = (id: string) => ({ headers: { 'last-event-id': id } });
    const ids = async (query: object, id: string) => {
      const own = await stream(user, query, lastEventId(id));
      await own.nth('ready', 1);
      return trail(own);
    };
    expect(await ids({}, '3')).toEqual(['message 4', 'ready 4']);
    expect(await ids({ after: 1 }, '3')).toEqual(['message 4', 'ready 4']);
    expect(await ids({ after: 3 }, '2')).toEqual(['message 3', 'message 4', 'ready 4']);
    expect(await ids({ after: 3 }, '')).toEqual(['message 4', 'ready 4']);
  });

  it('has a position from its beginning, so that a browser which reconnects misses nothing', async () => {
    const user = aUser();
    await write(user, 2);
    const own = await stream(user);
    await own.nth('ready', 1);
    own.abort();
    await node.send(user, 'while away');
    const id = own.received().findLast((event) => event.id !== undefined)?.id;
    const again = await stream(user, {}, { headers: { 'last-event-id': id ?? '' } });
    await again.nth('ready', 1);
    expect(trail(again)).toEqual(['message 3', 'ready 3']);
  });

  it('replays more than one page, in order, once, while others write', async () => {
    const user = aUser();
    const device = await node.device(user);
    const say = (text: string) => device.command('message:receive', { message: text });
    await Promise.all(Array.from({ length: 430 }, (_, i) => say(`before ${i}`)));
    const writing = Promise.all(Array.from({ length: 200 }, (_, i) => say(`during ${i}`)));
    const streams = await Promise.all([0, 1, 200, 429].map((after) => stream(user, { after })));
    await writing;
    const last = await node.send(user, 'fence');
    for (const [index, after] of [0, 1, 200, 429].entries()) {
      const own = streams[index]!;
      await own.nth('message', last.seq - after);
      const expected = Array.from({ length: last.seq - after }, (_, i) => after + 1 + i);
      expect(own.events('message').map(({ seq }) => seq)).toEqual(expected);
    }
  });

  it.each([
    ['another epoch', { after: 1, epoch: 'another' }],
    ['a position beyond the head', { after: 3 }],
  ])('is told to reset when it remembers %s', async (_, query) => {
    const user = aUser();
    await write(user, 2);
    const own = await stream(user, query);
    expect(await own.nth('ready', 1)).toMatchObject({ seq: 2, reset: true });
    await node.send(user, 'live');
    await own.nth('message', 1);
    expect(trail(own)).toEqual(['ready 2', 'message 3']);
  });

  it('continues with the epoch that ready named', async () => {
    const user = aUser();
    const first = await stream(user);
    const { epoch } = await first.nth('ready', 1);
    await write(user, 1);
    const own = await stream(user, { after: 0, epoch });
    expect(await own.nth('ready', 1)).toMatchObject({ seq: 1, reset: false });
    expect(own.events('message')).toHaveLength(1);
  });
});

describe('what is wrong before the stream begins is an ordinary answer', () => {
  const answer = async (path: string, credential?: string, headers = {}) => {
    const response = await fetch(`${node.url}${path}`, {
      headers: { ...(credential && { authorization: `Bearer ${credential}` }), ...headers },
    });
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    const { error, detail } = (await response.json()) as any;
    expect(detail).toBe(error.message);
    return [response.status, error.code];
  };

  it('no credential, a wrong one, one without the scope, another user', async () => {
    const path = `/v1/stream?platform_user_id=${aUser()}`;
    const { key } = await node.newKey({ scopes: ['agent', 'admin'] });
    expect(await answer(path)).toEqual([401, 'missing_api_key']);
    expect(await answer(path, 'nonsense')).toEqual([401, 'invalid_api_key']);
    expect(await answer(path, key)).toEqual([403, 'insufficient_permissions']);
    expect(await answer(path, await node.token(aUser()))).toEqual([403, 'insufficient_permissions']);
    expect(await answer('/v1/stream', node.key)).toEqual([422, 'missing_parameter']);
  });

  it.each(['after=-1', 'after=x', 'after=1.5', 'epoch='.padEnd(80, 'x')])('%s', async (query) => {
    const path = `/v1/stream?platform_user_id=${aUser()}&${query}`;
    expect(await answer(path, node.key)).toEqual([422, 'invalid_parameter']);
  });

  it.each(['x', '-1', '1.5', '1e400'])('Last-Event-ID: %s', async (id) => {
    const path = `/v1/stream?platform_user_id=${aUser()}`;
    expect(await answer(path, node.key, { 'last-event-id': id })).toEqual([422, 'invalid_parameter']);
  });
});
