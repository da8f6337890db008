import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Principal } from '../../../src/auth/principal.js';
import { EventStream } from '../../../src/push/http/event-stream.js';
import { eventually } from '../../support/eventually.js';
import { abortStreams, openStream } from './event-stream.js';

const HEARTBEAT_MS = 15_000;
/** All but intervals. */
const REAL = [
  ...(['Date', 'hrtime', 'nextTick', 'performance', 'queueMicrotask'] as const),
  ...(['setImmediate', 'clearImmediate', 'setTimeout', 'clearTimeout'] as const),
];
const principal = {} as Principal;
let server: Server;
let url: string;
let stream: EventStream | undefined;

/** The real stream over real HTTP, with a clock that the test turns: nobody wants to wait for a heartbeat. */
beforeEach(async () => {
  jest.useFakeTimers({ doNotFake: [...REAL] });
  stream = undefined;
  server = createServer((_, response) => void (stream = new EventStream(1, principal, response, {})));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  abortStreams();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  jest.useRealTimers();
});

const comments = (text: string) => text.split('\n\n').filter((block) => block === ':').length;

it('A stream in which nothing happens carries a comment every 15 seconds', async () => {
  const client = await openStream(url, {});
  await eventually(() => expect(client.text()).toMatch(/^retry: /));
  jest.advanceTimersByTime(HEARTBEAT_MS - 1);
  stream?.send('drain', { reconnect_in_ms: 1 });
  await client.nth('drain', 1);
  expect(comments(client.text())).toBe(0);
  jest.advanceTimersByTime(2 * HEARTBEAT_MS);
  await eventually(() => expect(comments(client.text())).toBe(2));
  expect(client.received()).toHaveLength(1); // a comment is no event
});

it('Nothing ticks on once the client is gone, or the server has ended the stream', async () => {
  for (const leave of [(client: { abort(): void }) => client.abort(), () => stream?.cut()]) {
    const client = await openStream(url, {});
    expect(jest.getTimerCount()).toBe(1);
    leave(client);
    await eventually(() => expect(jest.getTimerCount()).toBe(0));
    expect(stream?.isOpen()).toBe(false);
  }
});
