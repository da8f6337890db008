import { connectAgent } from '../../support/agent.js';
import { eventually } from '../../support/eventually.js';
import { aUser, startTestNode, type TestNode } from '../../support/node.js';
import { startServer } from '../../support/server.js';
import { closeSockets } from '../../support/socket.js';
import { openStreamingRequest, type StreamingRequest } from './streaming-request.js';

const TIMEOUT_MS = 1000;
const LIMIT = 2;
const patient = { STREAM_TIMEOUT_MS: '600000', MAX_STREAMS_PER_KEY: String(LIMIT) };

let node: TestNode;
let hasty: TestNode;
beforeAll(async () => {
  node = await startTestNode(patient);
  hasty = await startTestNode({ STREAM_TIMEOUT_MS: String(TIMEOUT_MS) });
}, 60_000);
afterEach(closeSockets);
afterAll(() => Promise.all([node.stop(), hasty.stop()]));

async function messagesOf(user: string, at = node): Promise<any[]> {
  return (await at.ok('GET', `/v1/messages/all?platform_user_id=${user}`)).messages;
}

/** A request that has become a message. */
async function begun(user: string, key: string, at = node): Promise<StreamingRequest> {
  const agent = openStreamingRequest(at.url, key);
  agent.lines({ platform_user_id: user }, { delta: 'Half an ans' });
  await eventually(async () => expect(await messagesOf(user, at)).toHaveLength(1));
  return agent;
}

describe('a request whose key is revoked', () => {
  it('is answered with 401 at once, and leaves what has come as incomplete', async () => {
    const user = aUser();
    const { id, key } = await node.newKey({ scopes: ['agent'] });
    const agent = await begun(user, key);
    await node.call('POST', `/v1/api-keys/${id}/revoke`);
    const { status, body } = await agent.answer;
    const [message] = await messagesOf(user);
    expect(message).toMatchObject({ status: 'incomplete', payload: { content: 'Half an ans' } });
    expect([status, body.error.code]).toEqual([401, 'invalid_api_key']);
    expect(body.error.details).toEqual({ message_id: message.id, status: 'incomplete' });
  });

  it('is answered with 401 also before its first line', async () => {
    const { id, key } = await node.newKey({ scopes: ['agent'] });
    const agent = openStreamingRequest(node.url, key);
    agent.write('{"platform_user');
    await new Promise((resolve) => setTimeout(resolve, 100)); // else it is refused at the door, as any request
    await node.call('POST', `/v1/api-keys/${id}/revoke`);
    expect(await agent.answer).toMatchObject({ status: 401, body: { error: { code: 'invalid_api_key' } } });
  });
});

describe('a request that is silent', () => {
  it.each([
    ['from its beginning', ''],
    ['in its first line', '{"platform_user'],
    ['after its first line', '{"platform_user_id": "u"}\n'],
  ])('%s is answered after a while, and writes nothing', async (_, text) => {
    const agent = openStreamingRequest(hasty.url, hasty.key);
    agent.write(text);
    const { status, headers, body } = await agent.answer;
    expect([status, body.error.code]).toEqual([400, 'invalid_request']);
    expect(body.error.details).toEqual({ limit: TIMEOUT_MS });
    expect(headers['connection']).toBe('close');
    expect(await messagesOf('u', hasty)).toEqual([]);
  });

  it('in the middle is answered after a while, and leaves what has come as incomplete', async () => {
    const user = aUser();
    const agent = await begun(user, hasty.key, hasty);
    const { status, body } = await agent.answer;
    const [message] = await messagesOf(user, hasty);
    expect(message).toMatchObject({ status: 'incomplete', payload: { content: 'Half an ans' } });
    expect([status, body.error.code]).toEqual([400, 'invalid_request']);
    expect(body.error.details).toEqual({ limit: TIMEOUT_MS, message_id: message.id, status: 'incomplete' });
  });

  it('does not come in one line, however slowly that grows', async () => {
    const agent = openStreamingRequest(hasty.url, hasty.key);
    const dripping = setInterval(() => agent.write(' '), 50);
    const { status, body } = await agent.answer.finally(() => clearInterval(dripping));
    expect([status, body.error.code]).toEqual([400, 'invalid_request']);
  });

  it('goes on when its answer is thought about, and says so', async () => {
    const user = aUser();
    const agent = openStreamingRequest(hasty.url, hasty.key);
    agent.lines({ platform_user_id: user });
    for (const end = Date.now() + 3 * TIMEOUT_MS; Date.now() < end;) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      agent.lines({ delta: '' });
    }
    agent.lines({ delta: 'Yes.' });
    agent.end();
    expect(await agent.answer).toMatchObject({ status: 201, body: { payload: { content: 'Yes.' } } });
  });
});

it('of requests that have not begun, a key has as many as it may stream', async () => {
  const { key } = await node.newKey({ scopes: ['agent'] });
  const waiting = Array.from({ length: LIMIT }, () => openStreamingRequest(node.url, key));
  await eventually(async () => {
    const one = openStreamingRequest(node.url, key);
    one.end();
    expect((await one.answer).status).toBe(429);
  });
  waiting[0]?.destroy();
  const user = aUser();
  await eventually(async () => {
    const one = openStreamingRequest(node.url, key);
    one.lines({ platform_user_id: user }, { delta: 'Hello' });
    one.end();
    expect((await one.answer).status).toBe(201);
  });
  waiting[1]?.destroy();
});

it('a key that streams as many answers as it may is still answered with those that are finished', async () => {
  const { key } = await node.newKey({ scopes: ['agent'] });
  const start = { platform_user_id: aUser(), agent_session_id: aUser(), client_message_id: 'c1' };
  const say = async (): Promise<any> => {
    const one = openStreamingRequest(node.url, key);
    one.lines(start, { delta: 'once' });
    one.end();
    return one.answer;
  };
  const first = await say();
  const live = await Promise.all(Array.from({ length: LIMIT }, () => begun(aUser(), key)));
  const again = await say();
  expect([first.status, again.status]).toEqual([201, 200]);
  expect(again.body).toEqual(first.body);
  const bot = await connectAgent(node.url, { api_key: key });
  const started = await bot.command('message:start', start);
  expect(started).toMatchObject({ ok: true, data: { message_id: first.body.id, offset: 4 } });
  const finished = await bot.command('message:finish', { message_id: first.body.id });
  expect(finished).toEqual({ ok: true, data: first.body });
  const refused = await bot.command('message:start', { platform_user_id: aUser() });
  expect(refused).toMatchObject({ ok: false, error: { code: 'rate_limit_exceeded' } });
  for (const agent of live) agent.destroy();
});

it('a node that is stopped does not wait for requests that have not begun', async () => {
  const leaving = await startServer({
    databaseUrl: node.database.url,
    env: { ...patient, DRAIN_TIMEOUT_MS: '60000' },
  });
  const silent = openStreamingRequest(leaving.url, node.key);
  const addressed = openStreamingRequest(leaving.url, node.key);
  addressed.lines({ platform_user_id: aUser() });
  await new Promise((resolve) => setTimeout(resolve, 200)); // until they have arrived
  const stopping = leaving.stop();
  for (const agent of [silent, addressed]) {
    const { status, headers, body } = await agent.answer;
    expect([status, body.error.code, headers['connection']]).toEqual([503, 'service_unavailable', 'close']);
  }
  expect(await stopping).toBe(0);
}, 60_000);
