import pg from 'pg';
import { eventually } from '../../support/eventually.js';
import { call } from '../../support/http.js';
import { aUser, startTestNode, type TestNode } from '../../support/node.js';
import { startServer, type TestServer } from '../../support/server.js';
import { connect, type Recorder } from '../../support/socket.js';
import { abortStreams, openStream } from '../follow/event-stream.js';

/** So rarely do followers compare by themselves that what arrives sooner has come over the bus. */
const RECONCILE = { RECONCILE_INTERVAL_MS: '60000' };
/** The contract: revoked elsewhere, cut within about a second, and never later than this. */
const CUT_LIMIT_MS = 5_000;

let here: TestNode;
let there: TestServer;

beforeAll(async () => {
  here = await startTestNode(RECONCILE);
  there = await startServer({
    databaseUrl: here.database.url, // a second node needs nothing else
    env: { RATE_LIMIT_PER_HOUR: '0', USER_RATE_LIMIT_PER_HOUR: '0', ...RECONCILE },
  });
}, 60_000);
afterEach(() => abortStreams());
afterAll(async () => {
  const fell = there?.hasEnded();
  expect(await there?.stop()).toBe(0);
  await here?.stop();
  expect(fell).toBe(false);
});

const deviceThere = async (user: string, auth?: object): Promise<Recorder> =>
  connect(there.url, { ...(auth ?? { api_key: here.key, platform_user_id: user }) });

async function thereOk(method: string, path: string, body?: unknown): Promise<any> {
  const answer = await call(there.url, method, path, { credential: here.key, body });
  if (answer.status > 299) throw new Error(`${answer.status} ${answer.text}`);
  return answer.body;
}

it('messages of both nodes reach the sockets of both, in order, the long ones too', async () => {
  const user = aUser();
  const devices = [await here.device(user), await deviceThere(user)];
  const long = 'ä'.repeat(6_000);
  for (let i = 0; i < 20; i++) {
    await here.send(user, i % 5 === 0 ? `${long}${i}` : `here ${i}`);
    await thereOk('POST', '/v1/message/receive', { platform_user_id: user, message: `there ${i}` });
  }
  const { messages } = await here.ok('GET', `/v1/messages/all?platform_user_id=${user}&limit=200`);
  expect(messages).toHaveLength(40);
  for (const device of devices) {
    await eventually(() => expect(device.events('message')).toHaveLength(40));
    expect(device.events('message')).toEqual(messages);
  }
});

it('a burst from both nodes at once arrives whole and in order', async () => {
  const user = aUser();
  const devices = [await here.device(user), await deviceThere(user)];
  const message = (text: string): object => ({ platform_user_id: user, message: text });
  await Promise.all(
    Array.from({ length: 100 }, (_, i) => [
      here.ok('POST', '/v1/message/receive', message(`here ${i}`)),
      thereOk('POST', '/v1/message/receive', message(`there ${i}`)),
    ]).flat(),
  );
  const positions = Array.from({ length: 200 }, (_, index) => index + 1);
  for (const device of devices)
    await eventually(() => expect(device.events('message').map(({ seq }) => seq)).toEqual(positions));
});

it('an event stream, a long poll and a sender who waits hear the other node', async () => {
  const user = aUser();
  await here.send(user, 'before');
  const stream = await openStream(there.url, { platform_user_id: user }, { credential: here.key });
  await stream.nth('ready', 1);
  await thereOk('POST', '/v1/messages/read', { platform_user_id: user, up_to_seq: 1 });
  const poll = thereOk('GET', `/v1/messages/unread?platform_user_id=${user}&wait=20`);
  const asked = thereOk('POST', '/v1/message/receive?wait=20', { platform_user_id: user, message: 'well?' });
  await stream.nth('message', 1); // the question: both wait by now or will find the answer
  const answer = await here.send(user, 'well');
  expect(await stream.nth('message', 2)).toEqual(answer);
  expect((await poll).messages).toEqual([answer]);
  expect(JSON.stringify(await asked)).toContain(answer.id);
});

it('changes, read marks, sessions and typing cross', async () => {
  const user = aUser();
  const [writer, device] = [await here.device(user), await deviceThere(user)];
  const { agent_session_id } = await here.ok('POST', '/v1/sessions', { platform_user_id: user });
  const { id } = await here.send(user, 'first');
  await device.next('message');
  await here.ok('PATCH', `/v1/messages/${id}`, { payload: { content: 'second' } });
  expect((await device.next('message:updated')).payload.content).toBe('second');
  await here.ok('POST', '/v1/messages/read', { platform_user_id: user, up_to_seq: 100 });
  await eventually(() => expect(device.events('read').at(-1)).toMatchObject({ unread_count: 0 }));
  await here.ok('PATCH', `/v1/sessions/${agent_session_id}`, { title: 'renamed' });
  await eventually(() => expect(device.events('session').at(-1)).toMatchObject({ title: 'renamed' }));
  writer.socket.emit('typing', { agent_session_id, typing: true });
  expect(await device.next('typing')).toMatchObject({ agent_session_id, typing: true, sender: 'user' });
  expect(writer.events('typing')).toEqual([]);
});

it('what is revoked on one node is cut on the other', async () => {
  const user = aUser();
  const { id, key } = await here.newKey({ scopes: ['user'] });
  const byKey = await deviceThere(user, { api_key: key, platform_user_id: user });
  const byToken = await deviceThere(user, { token: await here.token(user) });
  const spared = await deviceThere(user);
  await here.ok('POST', `/v1/api-keys/${id}/revoke`);
  await byKey.cut(CUT_LIMIT_MS);
  await here.ok('POST', '/v1/tokens/revoke', { platform_user_id: user });
  await byToken.cut(CUT_LIMIT_MS);
  expect((await call(there.url, 'GET', '/v1/sessions', { credential: key })).status).toBe(401);
  expect(spared.socket.connected).toBe(true);
});

it('what is said while a node’s bus is down is there as soon as it is up', async () => {
  const user = aUser();
  const device = await deviceThere(user);
  const watcher = new pg.Client(here.database.connection);
  await watcher.connect();
  for (let i = 0; i < 5; i++) {
    await watcher.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND application_name = 'parley-bus'`,
    );
    await here.send(user, `during ${i}`);
  }
  await eventually(() => expect(device.events('message').map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]), {
    timeoutMs: 10_000,
  });
  await watcher.end();
});

it('a node that was killed is forgotten, and one that stopped at once', async () => {
  const leases = (): Promise<any[]> => here.query('SELECT id FROM nodes');
  const [stopped, killed] = await Promise.all(
    [0, 1].map(() => startServer({ databaseUrl: here.database.url })),
  );
  expect(await leases()).toHaveLength(4);
  expect(await stopped!.stop()).toBe(0);
  expect(await leases()).toHaveLength(3);
  await killed!.kill();
  await eventually(async () => expect(await leases()).toHaveLength(2), { timeoutMs: 10_000 });
});
