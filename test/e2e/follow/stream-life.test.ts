import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import pg from 'pg';
import { eventually } from '../../support/eventually.js';
import { aUser, startTestNode, type TestNode } from '../../support/node.js';
import { closeSockets, refusal } from '../../support/socket.js';
import { abortStreams, openStream } from './event-stream.js';

const MOST = 2;
/** The contract's promise for a credential that no longer counts. */
const REVOCATION_LIMIT_MS = 5_000;

let node: TestNode;
beforeAll(async () => void (node = await startTestNode({ MAX_CONNECTIONS_PER_USER: String(MOST) })));
afterEach(() => {
  abortStreams();
  closeSockets();
});
afterAll(() => node.stop());

const stream = (user: string, credential = node.key) =>
  openStream(node.url, { platform_user_id: user }, { credential });

/** Timers that the server has running: each open stream has one. */
async function timers(): Promise<number> {
  const { text } = await node.call('GET', '/metrics');
  return Number(/^nodejs_active_resources\{type="Timeout"\} (\d+)/m.exec(text)?.[1] ?? 0);
}

describe('A client that goes away', () => {
  it('makes room for the next one, again and again', async () => {
    const user = aUser();
    for (let round = 0; round < 5; round++) {
      const streams = await eventually(async () => {
        const opened = await Promise.all(Array.from({ length: MOST }, () => stream(user)));
        if (opened.some(({ status }) => status !== 200)) {
          for (const one of opened) one.abort();
          throw new Error('no room yet');
        }
        return opened;
      });
      await Promise.all(streams.map((one) => one.nth('ready', 1)));
      expect((await stream(user)).status).toBe(429);
      for (const one of streams) one.abort();
    }
  });

  it('leaves nothing behind', async () => {
    const users = Array.from({ length: 50 }, () => aUser());
    const streams = await Promise.all(users.map((one) => stream(one)));
    await Promise.all(streams.map((one) => one.nth('ready', 1)));
    const during = await timers();
    for (const one of streams) one.abort();
    await eventually(async () => expect(await timers()).toBeLessThanOrEqual(during - 50));
  });

  it('may do so before its stream has begun', async () => {
    const user = aUser();
    await node.token(user); // its key is known, the user is not: preparing the stream waits for the database
    const client = new pg.Client({ connectionString: node.database.url });
    await client.connect();
    try {
      for (let i = 0; i < MOST; i++) {
        await client.query('BEGIN; LOCK TABLE platform_users IN ACCESS EXCLUSIVE MODE');
        const path = `/v1/stream?platform_user_id=${user}`;
        const { hostname, port } = new URL(node.url);
        const socket = connectTcp(Number(port), hostname);
        await once(socket, 'connect');
        socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${node.key}\r\n\r\n`);
        await eventually(async () => {
          const { rows } = await client.query(
            `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
          );
          expect(rows).not.toHaveLength(0);
        });
        const gone = once(socket, 'close');
        socket.destroy();
        await gone;
        await node.call('GET', '/health/live'); // the server has heard of it by now
        await client.query('COMMIT');
      }
    } finally {
      await client.end();
    }
    const streams = [await stream(user), await stream(user)];
    expect(streams.map(({ status }) => status)).toEqual([200, 200]);
  });
});

describe('MAX_CONNECTIONS_PER_USER', () => {
  it('counts streams and sockets together, and answers an ordinary error', async () => {
    const user = aUser();
    const own = await stream(user);
    const device = await node.device(user);
    const answer = await node.call('GET', `/v1/stream?platform_user_id=${user}`);
    expect(answer).toMatchObject({
      status: 429,
      body: { error: { code: 'rate_limit_exceeded', details: { limit: MOST } } },
    });
    expect(await refusal(node.url, { api_key: node.key, platform_user_id: user })).toMatchObject({
      code: 'rate_limit_exceeded',
      details: { limit: MOST },
    });
    expect((await stream(aUser())).status).toBe(200);
    device.close();
    await eventually(async () => expect((await stream(user)).status).toBe(200));
    await node.send(user, 'still here');
    await own.nth('message', 1);
  });

  it('holds when all come at once', async () => {
    for (const user of [aUser(), aUser(), aUser()]) {
      const streams = await Promise.all(Array.from({ length: 8 }, () => stream(user)));
      expect(streams.filter(({ status }) => status === 200)).toHaveLength(MOST);
    }
  });
});

describe('A credential that no longer counts ends its stream', () => {
  const atOnce = async (own: { ended: Promise<string> }) => {
    const began = Date.now();
    expect(await own.ended).toBe('ended');
    expect(Date.now() - began).toBeLessThan(REVOCATION_LIMIT_MS);
  };

  it('a revoked key, and the token that it minted', async () => {
    const user = aUser();
    const { id, key } = await node.newKey({ scopes: ['user'] });
    const streams = [await stream(user, key), await stream(user, await node.token(user, 3600, key))];
    await Promise.all(streams.map((one) => one.nth('ready', 1)));
    await node.ok('POST', `/v1/api-keys/${id}/revoke`);
    await Promise.all(streams.map(atOnce));
    expect((await stream(user, key)).status).toBe(401);
  });

  it('a token that expires, of which it is told before', async () => {
    const user = aUser();
    const own = await stream(user, await node.token(user, 2));
    const { expires_at } = await own.nth('ready', 1);
    expect(await own.nth('token:expiring', 1)).toEqual({ expires_at });
    await atOnce(own);
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(expires_at));
  });
});

it('A stream costs one unit of the rate limit, whatever comes over it', async () => {
  const user = aUser();
  const { key } = await node.newKey({ scopes: ['user'], rate_limit_per_hour: 10 });
  const own = await stream(user, key);
  expect(own.headers).toMatchObject({ 'x-ratelimit-limit': '10', 'x-ratelimit-remaining': '9' });
  for (let i = 0; i < 5; i++) await node.send(user, `m${i}`);
  await own.nth('message', 5);
  const { headers } = await node.call('GET', `/v1/messages/all?platform_user_id=${user}`, undefined, key);
  expect(headers.get('x-ratelimit-remaining')).toBe('8');
});

it('HEAD opens no stream', async () => {
  const user = aUser();
  for (let i = 0; i <= MOST; i++) {
    const response = await fetch(`${node.url}/v1/stream?platform_user_id=${user}`, {
      method: 'HEAD',
      headers: { authorization: `Bearer ${node.key}` },
    });
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    await response.text();
  }
  expect((await stream(user)).status).toBe(200);
});
