import { randomBytes } from 'node:crypto';
import { urlOf } from '../../support/database.js';
import { eventually } from '../../support/eventually.js';
import { call } from '../../support/http.js';
import { aUser } from '../../support/node.js';
import { startServer, type TestServer } from '../../support/server.js';
import { closeSockets, dial } from '../../support/socket.js';
import {
  expectExactlyThese,
  rememberingClient,
  rememberingStream,
  restWriter,
  socketWriter,
  wholeLog,
} from './load.js';
import { OwnPostgres } from './postgres.js';

const OUTAGES = 2;
/** Each writer gets so far before each outage. */
const BETWEEN = 60;

const key = `key-for-outages-${randomBytes(8).toString('hex')}`;
let postgres: OwnPostgres;
let server: TestServer;

beforeAll(async () => {
  postgres = await OwnPostgres.create();
  server = await startServer({
    databaseUrl: urlOf(postgres.connection),
    env: { BOOTSTRAP_API_KEY: key, RATE_LIMIT_PER_HOUR: '0', RECONCILE_INTERVAL_MS: '200' },
  });
}, 60_000);
afterAll(async () => {
  closeSockets();
  await server?.kill();
  await postgres?.remove();
});

/** Every kind of call that needs the database, by users that are known and users that are not. */
async function expectUnavailable(user: string): Promise<void> {
  const message = { platform_user_id: user, message: 'x' };
  const stranger = `platform_user_id=${aUser()}`;
  const calls: [string, string, object?][] = [
    ['POST', '/v1/message/receive', message],
    ['POST', '/v1/message/receive', { ...message, platform_user_id: aUser() }],
    ['POST', '/v1/message/receive?wait=1', message],
    ['GET', `/v1/messages/all?platform_user_id=${user}`],
    ['GET', `/v1/messages/unread?platform_user_id=${user}`],
    ['GET', `/v1/messages/unread?platform_user_id=${user}&wait=1`],
    ['GET', `/v1/sync?platform_user_id=${user}`],
    ['GET', `/v1/stream?${stranger}`],
    ['GET', `/v1/sessions?platform_user_id=${user}`],
    ['POST', '/v1/messages/read', { platform_user_id: user, up_to_seq: 1 }],
    ['POST', '/v1/api-keys', { name: 'x', scopes: ['user'] }],
    ['GET', '/v1/api-keys'],
  ];
  const answers = await Promise.all(
    calls.map(([method, path, body]) => call(server.url, method, path, { credential: key, body })),
  );
  for (const [index, answer] of answers.entries()) {
    const asked = calls[index]!.slice(0, 2);
    expect([asked, answer.status, answer.body?.error.code]).toEqual([asked, 503, 'service_unavailable']);
    expect([asked, Number(answer.headers.get('retry-after'))]).toEqual([asked, expect.any(Number)]);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(answer.text).not.toMatch(/postgres|ECONN|ENOENT|node_modules/);
  }
  const unknown = await call(server.url, 'GET', `/v1/sync?${stranger}`, { credential: `unknown-${key}` });
  expect(unknown.status).toBe(503); // nobody can say whether this key exists
}

it('PostgreSQL falls under load and comes back: 503 meanwhile, nothing lost, all recover by themselves', async () => {
  const target = { url: server.url, key, user: aUser() };
  const clients = [rememberingClient(target), rememberingClient(target)];
  const stream = rememberingStream(target);
  const writers = [
    ...['rest a', 'rest b', 'rest c', 'rest d'].map((name) => restWriter(target, name)),
    ...['socket a', 'socket b'].map((name) => socketWriter(target, name)),
  ];
  const progress = async (): Promise<void> => {
    const goals = writers.map((writer) => ({ writer, goal: writer.acknowledged.length + BETWEEN }));
    await eventually(
      () => {
        for (const { writer, goal } of goals) expect(writer.acknowledged.length).toBeGreaterThanOrEqual(goal);
      },
      { timeoutMs: 20_000, everyMs: 5 },
    );
  };
  for (let outage = 0; outage < OUTAGES; outage++) {
    await progress();
    await postgres.crash();
    await expectUnavailable(target.user);
    expect((await call(server.url, 'GET', '/health/ready')).status).toBe(503);
    expect((await call(server.url, 'GET', '/health/live')).status).toBe(200);
    const newcomer = dial(server.url, { api_key: key, platform_user_id: aUser() }, { reconnection: true });
    const again = jest.fn();
    newcomer.socket.io.on('reconnect_attempt', again);
    await eventually(() => expect(again).toHaveBeenCalled());
    await postgres.start();
    await eventually(async () => expect((await call(server.url, 'GET', '/health/ready')).status).toBe(200), {
      timeoutMs: 10_000,
    });
    await newcomer.next('ready', 10_000); // it was turned away, and came again by itself
  }
  await progress();
  await Promise.all(writers.map((writer) => writer.stop()));

  const log = await wholeLog(target);
  expectExactlyThese(log, writers);
  for (const client of clients) {
    await eventually(() => expect(client.events('message').length).toBeGreaterThanOrEqual(log.length));
    expect(client.events('message')).toEqual(log);
    expect(client.events('ready')).toHaveLength(1); // an outage of the database breaks no connection
  }
  await eventually(() => expect(stream.seen.length).toBeGreaterThanOrEqual(log.length));
  expect(stream.seen).toEqual(log);
  await stream.stop();

  const answers = new Set(writers.flatMap((writer) => writer.answers));
  expect(answers).toContain(503);
  expect([...answers].filter((one) => ![200, 201, 503, 'ok', 'service_unavailable'].includes(one))).toEqual(
    [],
  );
  expect(server.hasEnded()).toBe(false);
  expect(server.output()).not.toMatch(/unhandled|uncaught/i);
  expect(await server.stop()).toBe(0);
}, 90_000);
