import { eventually } from '../support/eventually.js';
import { type Answer, call } from '../support/http.js';
import { aUser, cli, startTestNode, type TestNode } from '../support/node.js';
import { startServer, type TestServer } from '../support/server.js';
import { closeSockets, connect } from '../support/socket.js';
import { abortStreams, openStream } from './follow/event-stream.js';

/** How long the rows of a killed node count: its lease, in milliseconds. */
const LEASE = 5000;
/** What a busy machine may add, in milliseconds. */
const SLACK = 3000;

let one: TestNode;
let two: TestServer;
beforeAll(async () => {
  one = await startTestNode();
  two = await another();
});
afterEach(() => {
  closeSockets();
  abortStreams();
});
afterAll(async () => {
  await two?.stop();
  await one?.stop();
});

/** One more node on the same database. */
const another = (): Promise<TestServer> =>
  startServer({
    databaseUrl: one.database.url,
    env: { RATE_LIMIT_PER_HOUR: '0', USER_RATE_LIMIT_PER_HOUR: '0' },
  });
const ask = (url: string, user: string, credential = one.key): Promise<Answer> =>
  call(url, 'GET', `/v1/users/${encodeURIComponent(user)}/presence`, { credential });
const device = (url: string, user: string) => connect(url, { api_key: one.key, platform_user_id: user });
const stream = (url: string, user: string) =>
  openStream(url, { platform_user_id: user }, { credential: one.key });
const expectSeen = (url: string, user: string, connections: number, timeoutMs = 5000) =>
  eventually(
    async () => {
      const { status, body } = await ask(url, user);
      const expected = { platform_user_id: user, online: connections > 0, connections };
      expect({ status, body }).toEqual({ status: 200, body: expected });
    },
    { timeoutMs },
  );

it('counts sockets and event streams on all nodes, and asks either', async () => {
  const user = aUser();
  await expectSeen(one.url, user, 0);
  const phone = await device(one.url, user);
  expect((await ask(one.url, user)).body).toEqual({ platform_user_id: user, online: true, connections: 1 });
  await expectSeen(two.url, user, 1);
  const laptop = await device(two.url, user);
  const page = await stream(two.url, user);
  for (const { url } of [one, two]) await expectSeen(url, user, 3);
  phone.close();
  for (const { url } of [one, two]) await expectSeen(url, user, 2);
  page.abort();
  for (const { url } of [one, two]) await expectSeen(url, user, 1);
  laptop.close();
  for (const { url } of [one, two]) await expectSeen(url, user, 0);
  expect(await one.query('SELECT 1 FROM presence')).toEqual([]);
});

it('a node that is killed counts until its lease ends, and what is on other nodes goes on counting', async () => {
  const [there, both] = [aUser(), aUser()];
  const doomed = await another();
  await Promise.all([device(doomed.url, there), device(doomed.url, both), stream(doomed.url, both)]);
  await device(one.url, both);
  for (const { url } of [one, two]) {
    await expectSeen(url, there, 1);
    await expectSeen(url, both, 3);
  }
  await doomed.kill();
  const killedAt = Date.now();
  for (const { url } of [one, two]) {
    await expectSeen(url, there, 0, LEASE + SLACK);
    await expectSeen(url, both, 1, LEASE + SLACK);
  }
  expect(Date.now() - killedAt).toBeLessThan(LEASE + SLACK);
  await eventually(async () => expect(await one.query('SELECT node_id FROM presence')).toHaveLength(1));
  // It comes back on another node, as a client whose node died does.
  await device(two.url, there);
  await expectSeen(one.url, there, 1);
}, 40_000);

it('a node that is stopped does not count any more at once', async () => {
  const user = aUser();
  const leaving = await another();
  await device(leaving.url, user);
  await expectSeen(one.url, user, 1);
  expect(await leaving.stop()).toBe(0);
  expect((await ask(one.url, user)).body).toMatchObject({ online: false, connections: 0 });
  expect(await one.query('SELECT 1 FROM nodes')).toHaveLength(2);
});

describe('who may ask', () => {
  it('keys with the scope user or agent', async () => {
    const user = aUser();
    for (const [scope, status] of [
      ['user', 200],
      ['agent', 200],
      ['admin', 403],
    ] as const) {
      const { key } = await one.newKey({ scopes: [scope] });
      expect([scope, (await ask(one.url, user, key)).status]).toEqual([scope, status]);
    }
  });

  it('a user token for its own platform user', async () => {
    const [user, other] = [aUser(), aUser()];
    await device(one.url, user);
    await device(one.url, other);
    const token = await one.token(user);
    expect(await ask(one.url, user, token)).toMatchObject({ status: 200, body: { connections: 1 } });
    expect(await ask(one.url, other, token)).toMatchObject({
      status: 403,
      body: { error: { code: 'insufficient_permissions' } },
    });
  });

  it('and of another account’s users one learns nothing', async () => {
    const name = `account-${aUser()}`;
    await cli(one.database.url, 'account', 'create', name);
    const foreign = await cli(one.database.url, 'key', 'create', '--account', name);
    const user = aUser();
    await device(one.url, user);
    expect((await ask(one.url, user)).body).toMatchObject({ online: true });
    const [crossed, unknown] = [await ask(one.url, user, foreign), await ask(one.url, aUser(), foreign)];
    for (const { status, body } of [crossed, unknown])
      expect([status, body]).toEqual([200, expect.objectContaining({ online: false, connections: 0 })]);
  });
});

it('takes every id that a platform user may have, and makes no log of one that nobody has', async () => {
  for (const user of [`a b/c?d#${aUser()}`, `ö🙂${aUser()}`, `${aUser()}${'x'.repeat(237)}`.slice(0, 255)]) {
    await expectSeen(one.url, user, 0);
    expect(await one.query('SELECT 1 FROM platform_users WHERE platform_user_id = $1', [user])).toEqual([]);
    await device(one.url, user);
    await expectSeen(two.url, user, 1);
  }
  // What no platform user can be called is not connected either; nor does it break anything.
  await expectSeen(one.url, 'x'.repeat(256), 0);
  expect((await call(one.url, 'GET', '/v1/users/a%00b/presence', { credential: one.key })).status).toBe(404);
});
