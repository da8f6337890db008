import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { eventually } from '../../support/eventually.js';
import { call } from '../../support/http.js';
import { aUser } from '../../support/node.js';
import { startServer, type TestServer } from '../../support/server.js';
import { closeSockets, dial } from '../../support/socket.js';

const KEY = 'key-for-tests-of-outages';
const RECONNECT = { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 200 };
let database: TestDatabase;
let server: TestServer;

beforeEach(async () => {
  database = await createTestDatabase();
  server = await start();
});
afterEach(async () => {
  closeSockets();
  await server.stop();
  await database.drop();
});

async function start(port = '0'): Promise<TestServer> {
  const env = { BOOTSTRAP_API_KEY: KEY, RATE_LIMIT_PER_HOUR: '0', RECONCILE_INTERVAL_MS: '100', PORT: port };
  return startServer({ databaseUrl: database.url, env });
}

async function send(user: string, text: string): Promise<any> {
  const body = { platform_user_id: user, message: { payload: { content: text } } };
  const {
    status,
    text: answer,
    body: message,
  } = await call(server.url, 'POST', '/v1/message/send', { credential: KEY, body });
  if (status !== 201) throw new Error(answer);
  return message;
}

/** A client as the README teaches it: it remembers its position, and reconnects with it. */
function rememberingClient(user: string) {
  const position = { after: undefined as number | undefined, epoch: undefined as string | undefined };
  const recorder = dial(server.url, {}, RECONNECT);
  recorder.socket.auth = (give: (auth: object) => void) =>
    give({ api_key: KEY, platform_user_id: user, ...(position.epoch && position) });
  recorder.socket.on('ready', ({ seq, epoch }) => Object.assign(position, { after: seq, epoch }));
  recorder.socket.onAny((_, data) => {
    if (position.after === undefined) return;
    position.after = Math.max(position.after, data?.updated_seq ?? 0);
  });
  return recorder;
}

it('SIGTERM with open sockets exits 0, and tells them', async () => {
  const user = aUser();
  const auth = { api_key: KEY, platform_user_id: user };
  const devices = [dial(server.url, auth), dial(server.url, auth, { transports: ['polling'] })];
  for (const device of devices) await device.next('ready');
  await send(user, 'hello');
  expect(await server.stop()).toBe(0);
  for (const device of devices) {
    expect(device.events('message')).toHaveLength(1);
    // Not "io server disconnect", after which a stock client would not come again by itself.
    expect(await device.cut()).toMatch(/^transport/);
  }
  expect(devices[0]?.events('drain')).toEqual([{ reconnect_in_ms: expect.any(Number) }]);
});

it('SIGTERM while messages are under way loses none that was acknowledged', async () => {
  const user = aUser();
  const device = dial(server.url, { api_key: KEY, platform_user_id: user });
  await device.next('ready');
  const acknowledged: any[] = [];
  for (let i = 0; i < 200; i++)
    device.socket.emit(
      'message:receive',
      { message: `m${i}` },
      ({ ok, data }: any) => ok && acknowledged.push(data.id),
    );
  await eventually(() => expect(acknowledged.length).toBeGreaterThan(0), { everyMs: 1 });
  expect(await server.stop()).toBe(0);
  server = await start();
  const { body } = await call(server.url, 'GET', `/v1/messages/all?limit=200&platform_user_id=${user}`, {
    credential: KEY,
  });
  expect(body.messages.map(({ id }: any) => id).slice(0, acknowledged.length)).toEqual(acknowledged);
});

it('kill -9 and a restart: the client reconnects by itself and has the whole log, once', async () => {
  const user = aUser();
  const { port } = new URL(server.url);
  const client = rememberingClient(user);
  await client.next('ready');
  await send(user, 'before');
  await client.next('message');
  await server.kill();
  await client.cut();
  server = await start(port);
  await send(user, 'while it was away, or just back');
  await client.next('ready', 10_000);
  const last = await send(user, 'after');
  await eventually(() => expect(client.events('message').at(-1)).toEqual(last));
  const { body } = await call(server.url, 'GET', `/v1/messages/all?platform_user_id=${user}`, {
    credential: KEY,
  });
  expect(body.total).toBe(3);
  expect(client.events('message')).toEqual(body.messages);
  expect(client.events('ready').map(({ reset }) => reset)).toEqual([false, false]);
});

it('kill -9 while everybody writes: what was acknowledged is in the log, and the client has all of it', async () => {
  const user = aUser();
  const { port } = new URL(server.url);
  const client = rememberingClient(user);
  await client.next('ready');
  const acknowledged: string[] = [];
  const writer = (async () => {
    for (let i = 0; ; i++) acknowledged.push((await send(user, `m${i}`)).id as string);
  })().catch(() => undefined);
  await eventually(() => expect(acknowledged.length).toBeGreaterThan(20));
  await server.kill();
  await writer;
  server = await start(port);
  await client.next('ready', 10_000);
  const last = await send(user, 'after');
  await eventually(() => expect(client.events('message').at(-1)).toEqual(last));
  const { body } = await call(server.url, 'GET', `/v1/messages/all?limit=200&platform_user_id=${user}`, {
    credential: KEY,
  });
  expect(body.messages.map(({ id }: any) => id)).toEqual(expect.arrayContaining(acknowledged));
  expect(client.events('message')).toEqual(body.messages);
});

it('A client that is turned away because the database failed comes again by itself', async () => {
  const user = aUser();
  const first = dial(server.url, { api_key: KEY, platform_user_id: user });
  await first.next('ready');
  first.close();
  await rename('platform_users', 'away');
  const client = dial(server.url, { api_key: KEY, platform_user_id: user }, RECONNECT);
  await eventually(() => expect(client.received.length).toBeGreaterThan(0));
  expect(client.events('ready')).toEqual([]);
  await rename('away', 'platform_users');
  await client.next('ready', 10_000);
});

async function rename(from: string, to: string): Promise<void> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query(`ALTER TABLE ${from} RENAME TO ${to}`);
  await client.end();
}
