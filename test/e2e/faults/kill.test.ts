import { randomBytes } from 'node:crypto';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { eventually } from '../../support/eventually.js';
import { aUser } from '../../support/node.js';
import { startServer, type TestServer } from '../../support/server.js';
import { closeSockets } from '../../support/socket.js';
import {
  expectExactlyThese,
  rememberingClient,
  rememberingStream,
  restWriter,
  socketWriter,
  wholeLog,
} from './load.js';
import { quietPort } from './port.js';

const ROUNDS = 5;
/** Each writer gets so far in a round before the server is killed, in the middle of what it is doing. */
const PER_ROUND = 40;
const USERS = 3;

const key = `key-for-kills-${randomBytes(8).toString('hex')}`;
let database: TestDatabase;
let port: string;
let server: TestServer;

async function start(): Promise<TestServer> {
  const env = { BOOTSTRAP_API_KEY: key, RATE_LIMIT_PER_HOUR: '0', RECONCILE_INTERVAL_MS: '200', PORT: port };
  return startServer({ databaseUrl: database.url, env });
}

beforeAll(async () => {
  database = await createTestDatabase();
  port = await quietPort();
  server = await start();
});
afterAll(async () => {
  closeSockets();
  await server?.kill();
  await database?.drop();
});

it('Killed with -9 under load again and again: no 2xx is lost, and every client ends with exactly the log', async () => {
  const targets = Array.from({ length: USERS }, () => ({ url: server.url, key, user: aUser() }));
  const clients = targets.map((target) => [rememberingClient(target), rememberingClient(target)]);
  const streams = targets.map(rememberingStream);
  const writers = targets.map((target) => [
    ...['rest a', 'rest b', 'rest c'].map((name) => restWriter(target, name)),
    socketWriter(target, 'socket'),
  ]);
  for (let round = 0; round < ROUNDS; round++) {
    const goals = writers.flat().map((writer) => ({ writer, goal: writer.acknowledged.length + PER_ROUND }));
    await eventually(
      () => {
        for (const { writer, goal } of goals) expect(writer.acknowledged.length).toBeGreaterThanOrEqual(goal);
      },
      { timeoutMs: 20_000, everyMs: 5 },
    );
    await server.kill();
    server = await start();
  }
  await Promise.all(writers.flat().map((writer) => writer.stop()));

  for (const [index, target] of targets.entries()) {
    const log = await wholeLog(target);
    expectExactlyThese(log, writers[index]!);
    expect(log.length).toBeGreaterThan(ROUNDS * PER_ROUND * 4);
    for (const client of clients[index]!) {
      await eventually(() => expect(client.events('message').length).toBeGreaterThanOrEqual(log.length));
      expect(client.events('message')).toEqual(log);
      expect(client.events('ready').length).toBeGreaterThan(ROUNDS / 2); // it was there in most rounds
      expect(client.events('ready').map(({ reset }) => reset)).not.toContain(true);
    }
    const stream = streams[index]!;
    await eventually(() => expect(stream.seen.length).toBeGreaterThanOrEqual(log.length));
    expect(stream.seen).toEqual(log);
  }
  await Promise.all(streams.map((stream) => stream.stop()));
  const statuses = new Set(writers.flat().flatMap((writer) => writer.answers));
  expect([...statuses].filter((status) => ![200, 201, 'ok'].includes(status))).toEqual([]);
}, 90_000);
