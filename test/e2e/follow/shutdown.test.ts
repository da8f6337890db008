import { once } from 'node:events';
import { connect } from 'node:net';
import { eventually } from '../../support/eventually.js';
import { aUser, startTestNode, type TestNode } from '../../support/node.js';
import { abortStreams, openStream } from './event-stream.js';

/** Far below DRAIN_TIMEOUT_MS and every `wait`: the end comes because all were let go, not because time was up. */
const QUICK_MS = 4_000;
const LONG = 60;

let node: TestNode;
beforeEach(async () => void (node = await startTestNode()));
afterEach(async () => {
  abortStreams();
  await node.stop().catch(() => undefined); // it says that the server has ended, which is what is tested
});

async function expectQuickStop(): Promise<void> {
  const began = Date.now();
  expect(await node.server.stop()).toBe(0);
  expect(Date.now() - began).toBeLessThan(QUICK_MS);
}

const headers = () => ({ authorization: `Bearer ${node.key}`, 'content-type': 'application/json' });

it('SIGTERM tells open streams to come again later, and ends them', async () => {
  const users = [aUser(), aUser(), aUser()];
  const streams = await Promise.all(
    users.map((user) => openStream(node.url, { platform_user_id: user }, { credential: node.key })),
  );
  await Promise.all(streams.map((stream) => stream.nth('ready', 1)));
  const sent = await node.send(users[0]!, 'the last word');
  await streams[0]!.nth('message', 1);
  await expectQuickStop();
  for (const stream of streams) {
    expect(await stream.ended).toBe('ended');
    expect(stream.events('drain')).toEqual([{ reconnect_in_ms: expect.any(Number) }]);
  }
  expect(streams[0]!.events('message')).toEqual([sent]);
});

it('SIGTERM answers those who wait, with what there is', async () => {
  const user = aUser();
  const polls = Array.from({ length: 5 }, () =>
    fetch(`${node.url}/v1/messages/unread?platform_user_id=${user}&wait=${LONG}`, { headers: headers() }),
  );
  const question = fetch(`${node.url}/v1/message/receive?wait=${LONG}`, {
    method: 'POST',
    headers: headers(),
    body: JSON.stringify({ platform_user_id: user, message: 'Hi?' }),
  });
  await eventually(async () => {
    expect((await node.ok('GET', `/v1/messages/all?platform_user_id=${user}`)).total).toBe(1);
  });
  await expectQuickStop();
  for (const answer of await Promise.all(polls))
    expect([answer.status, ((await answer.json()) as any).messages]).toEqual([200, []]);
  expect((await question).status).toBe(201);
  expect(((await (await question).json()) as any).reply).toBeNull();
});

it('SIGTERM is not held up by clients that come again at once', async () => {
  let stopping = false;
  const visitors = Array.from({ length: 40 }, async (_, index) => {
    const user = aUser();
    const path =
      index % 2 === 0
        ? `/v1/stream?platform_user_id=${user}`
        : `/v1/messages/unread?platform_user_id=${user}&wait=${LONG}`;
    for (;;) {
      try {
        await (await fetch(node.url + path, { headers: headers() })).text();
      } catch (error) {
        if (stopping && isRefused(error)) return; // nobody listens any more
      }
    }
  });
  await eventually(async () => expect((await node.call('GET', '/health/ready')).status).toBe(200));
  await openStream(node.url, { platform_user_id: aUser() }, { credential: node.key });
  stopping = true;
  await expectQuickStop();
  await Promise.all(visitors);
});

it('SIGTERM is not held up by a connection that has never asked for anything, or not to the end', async () => {
  const { hostname, port } = new URL(node.url);
  const silent = connect(Number(port), hostname);
  const slow = connect(Number(port), hostname);
  await Promise.all([once(silent, 'connect'), once(slow, 'connect')]);
  slow.write('GET /v1/messages/un');
  await node.call('GET', '/health/live');
  const closed = Promise.all([silent, slow].map((socket) => once(socket.resume(), 'close')));
  await expectQuickStop();
  await closed;
});

it('SIGTERM is not held up by a client that left while it waited', async () => {
  const user = aUser();
  const abort = new AbortController();
  const asking = fetch(`${node.url}/v1/message/receive?wait=${LONG}`, {
    method: 'POST',
    signal: abort.signal,
    headers: headers(),
    body: JSON.stringify({ platform_user_id: user, message: 'Hi?' }),
  }).catch(() => 'gone');
  await eventually(async () => {
    expect((await node.ok('GET', `/v1/messages/all?platform_user_id=${user}`)).total).toBe(1);
  });
  abort.abort();
  expect(await asking).toBe('gone');
  await expectQuickStop();
});

function isRefused(error: unknown): boolean {
  return ((error as Error).cause as { code?: string } | undefined)?.code === 'ECONNREFUSED';
}
