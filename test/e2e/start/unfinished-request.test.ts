import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { postmasterPid } from '../../support/embedded.js';
import { eventually } from '../../support/eventually.js';
import { startServer, type TestServer } from '../../support/server.js';
import { dataDirectories, expectStopped } from './data-directory.js';

jest.setTimeout(60_000);

const KEY = 'the-key-of-this-test';
const BODY = JSON.stringify({ platform_user_id: 'user123', message: 'Where is my order?' });

const directories = dataDirectories();
let server: TestServer | undefined;
afterEach(async () => {
  if (server?.hasEnded() === false) await server.kill();
});
afterAll(() => directories.cleanUp());

/** A request whose body is sent but for the last ten bytes; the server has seen it when this returns. */
async function halfARequest({ url }: TestServer): Promise<{ socket: Socket; answer(): string }> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let answer = '';
  socket.on('data', (chunk) => (answer += chunk.toString())).on('error', () => undefined);
  socket.write(
    `POST /v1/message/receive HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${KEY}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${BODY.length}\r\nExpect: 100-continue\r\n\r\n`,
  );
  await eventually(() => expect(answer).toContain('100 Continue'));
  socket.write(BODY.slice(0, -10));
  return { socket, answer: () => answer };
}

/** Sends SIGTERM; returns when the server has heard it. */
async function ask({ child, output }: TestServer): Promise<void> {
  child.kill('SIGTERM');
  await eventually(() => expect(output()).toContain('SIGTERM: finishing what is under way'));
}

it('SIGTERM exits 0 and stops the database though a client never ends its request', async () => {
  const dataDir = await directories.used();
  server = await startServer({ dataDir, env: { BOOTSTRAP_API_KEY: KEY, DRAIN_TIMEOUT_MS: '300' } });
  const pid = await postmasterPid(dataDir);
  const { socket } = await halfARequest(server);
  const closed = once(socket, 'close');
  await ask(server);
  expect(await server.ended).toBe(0);
  await closed;
  expect(server.output()).toContain('"stopped"');
  await expectStopped(dataDir, pid);
});

it('SIGTERM lets a request end within DRAIN_TIMEOUT_MS', async () => {
  const dataDir = await directories.used();
  server = await startServer({ dataDir, env: { BOOTSTRAP_API_KEY: KEY } });
  const { socket, answer } = await halfARequest(server);
  await ask(server);
  socket.write(BODY.slice(-10));
  await eventually(() => expect(answer()).toContain('HTTP/1.1 201 '));
  expect(await server.ended).toBe(0);
});

it('a second SIGTERM later on ends a server that waits, and still stops the database', async () => {
  const dataDir = await directories.used();
  server = await startServer({ dataDir, env: { BOOTSTRAP_API_KEY: KEY, DRAIN_TIMEOUT_MS: '600000' } });
  const pid = await postmasterPid(dataDir);
  await halfARequest(server);
  await ask(server);
  const { child, output } = server;
  await eventually(() => {
    child.kill('SIGTERM'); // ignored while it may be an echo of the first
    expect(output()).toContain('exiting with work unfinished');
  });
  expect(await server.ended).toBe(1);
  await expectStopped(dataDir, pid);
});
