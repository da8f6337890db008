import { get, type IncomingMessage } from 'node:http';
import type { Socket as TcpSocket } from 'node:net';
import { eventually } from '../../support/eventually.js';
import { aUser, startTestNode, type TestNode } from '../../support/node.js';
import { closeSockets, dial } from '../../support/socket.js';
import { abortStreams, openStream, parseEvents } from './event-stream.js';

/** More than the operating system buffers by itself on a loopback connection (some 6 MB), in messages of this size. */
const MESSAGE_BYTES = 500_000;
const MESSAGES = 40;
const KEPT_BYTES = 200_000;

let node: TestNode;
beforeAll(async () => {
  // One place for each user: whether a stuck connection was let go shows in whether the next one is let in.
  node = await startTestNode({ MAX_BUFFERED_BYTES: String(KEPT_BYTES), MAX_CONNECTIONS_PER_USER: '1' });
});
afterEach(() => {
  abortStreams();
  closeSockets();
});
afterAll(() => node.stop());

const text = 'x'.repeat(MESSAGE_BYTES);
const write = async (user: string, count = MESSAGES): Promise<void> => {
  for (let i = 0; i < count; i++) await node.send(user, text);
};
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe('A client that stops reading is cut, and has everything exactly once when it comes again', () => {
  it('over an event stream', async () => {
    const user = aUser();
    const response = await new Promise<IncomingMessage>((resolve) => {
      const headers = { authorization: `Bearer ${node.key}` };
      get(`${node.url}/v1/stream?platform_user_id=${user}&after=0`, { agent: false, headers }, resolve);
    });
    let came = '';
    response.setEncoding('utf8');
    response.on('error', () => undefined);
    response.on('data', (chunk: string) => (came += chunk));
    await eventually(() => expect(came).toContain('event: ready'));
    response.pause();
    const closed = new Promise<void>((resolve) => response.once('close', () => resolve()));
    await write(user);
    const query = { platform_user_id: user, after: 0 };
    // Nothing is read here meanwhile: it is the server who lets go.
    const next = await eventually(
      async () => {
        const stream = await openStream(node.url, query, { credential: node.key });
        if (stream.status !== 200) throw new Error('the stuck stream still has the place');
        return stream;
      },
      { timeoutMs: 10_000 },
    );
    next.abort();
    response.resume();
    await closed;
    expect(response.complete).toBe(false);
    const first = parseEvents(came).filter(({ event }) => event === 'message');
    const seen = first.map(({ data }) => data.seq as number);
    expect(seen).toEqual(numbers(1, seen.length));
    expect(seen.length).toBeLessThan(MESSAGES);
    const after = seen.at(-1) ?? 0;
    const again = await eventually(async () => {
      const stream = await openStream(node.url, { ...query, after }, { credential: node.key });
      if (stream.status !== 200) throw new Error('no room yet');
      return stream;
    });
    await again.nth('message', MESSAGES - seen.length, 10_000);
    expect(again.events('message').map(({ seq }) => seq)).toEqual(numbers(after + 1, MESSAGES));
  });

  it('over a socket: the stock client notices by itself', async () => {
    const user = aUser();
    const credential = { api_key: node.key, platform_user_id: user };
    const client = dial(
      node.url,
      {},
      { reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 50 },
    );
    const position: { after?: number } = {};
    client.socket.auth = (give: (auth: object) => void) => give({ ...credential, ...position });
    client.socket.onAny((_, { seq = 0 }) => (position.after = Math.max(position.after ?? 0, seq)));
    await client.next('ready');
    const engine = client.socket.io.engine;
    const tcp = (engine.transport as unknown as { ws: { _socket: TcpSocket } }).ws._socket;
    tcp.pause();
    await write(user);
    const other = await eventually(() => node.device(user), { timeoutMs: 10_000 });
    expect(client.events('disconnect')).toEqual([]);
    other.close();
    tcp.resume();
    expect(await client.next('disconnect', 10_000)).toMatch(/^transport (close|error)$/);
    await eventually(() => expect(client.events('message')).toHaveLength(MESSAGES), { timeoutMs: 15_000 });
    expect(client.events('message').map(({ seq }) => seq)).toEqual(numbers(1, MESSAGES));
    expect(client.events('ready').map(({ reset }) => reset)).not.toContain(true);
  });
});
