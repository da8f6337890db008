import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { Server, type Socket } from 'socket.io';
import { io, type Socket as Client } from 'socket.io-client';
import { FanOutAdapter } from '../../../src/push/ws/fan-out.adapter.js';
import { SocketConnection } from '../../../src/push/ws/socket-connection.js';
import { eventually } from '../../support/eventually.js';

const ROOM = 'room';
const KINDS = ['frames', 'long polling', 'upgrade'] as const;
const TRANSPORTS: Record<(typeof KINDS)[number], string[]> = {
  frames: ['websocket'],
  'long polling': ['polling'],
  upgrade: ['polling', 'websocket'],
};
/** Ways to send. A turn ends what is sent in one turn of the event loop. */
type Way = 'room' | 'broadcast' | 'socket' | 'page' | 'acknowledged' | 'except' | 'turn';

/** A client, the server's end of it, and the numbers that came. */
interface Pair {
  readonly client: Client;
  readonly socket: Socket;
  readonly seen: number[];
}

/** A server without anything of Nest's, whose rooms are the adapter's. */
class World {
  private readonly http: HttpServer = createServer();
  readonly server = new Server(this.http, {
    adapter: FanOutAdapter as never,
    perMessageDeflate: false,
  });
  readonly clients: Client[] = [];
  private sent = 0;

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.http.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.http.address() as AddressInfo).port}`;
  }

  async connect(transports: string[]): Promise<Pair> {
    const entered = new Promise<Socket>((resolve) => this.server.once('connection', resolve));
    const client = io(this.url, { forceNew: true, reconnection: false, transports });
    this.clients.push(client);
    const seen: number[] = [];
    client.on('n', (n: number, ack?: () => void) => {
      seen.push(n);
      ack?.();
    });
    const socket = await entered;
    await socket.join(ROOM);
    return { client, socket, seen };
  }

  /** Sends the next numbers to all of them, in one way. */
  send(way: Way, pairs: readonly Pair[]): void {
    const sockets = pairs.map(({ socket }) => socket);
    const n = ++this.sent;
    if (way === 'room') this.rooms.emit(ROOM, 'n', n);
    else if (way === 'except') this.rooms.emit(ROOM, 'n', n, 'nobody');
    else if (way === 'broadcast') this.server.to(ROOM).emit('n', n);
    else if (way === 'socket') for (const socket of sockets) socket.emit('n', n);
    else if (way === 'acknowledged') for (const socket of sockets) socket.emit('n', n, () => undefined);
    else {
      const events = [n, ++this.sent, ++this.sent].map((data) => ({ event: 'n', data }));
      for (const socket of sockets) adapterOf(socket).sendAll(socket, events);
    }
  }

  get rooms(): FanOutAdapter {
    return this.server.of('/').adapter as unknown as FanOutAdapter;
  }

  get numbers(): number[] {
    return Array.from({ length: this.sent }, (_, index) => index + 1);
  }

  async stop(): Promise<void> {
    for (const client of this.clients) client.disconnect();
    await this.server.close();
  }
}

function adapterOf({ nsp }: Socket): FanOutAdapter {
  return nsp.adapter as unknown as FanOutAdapter;
}

function terminate({ socket }: Pair): void {
  (socket.conn.transport as unknown as { socket: { terminate(): void } }).socket.terminate();
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('rooms whose events go straight to WebSockets', () => {
  let world: World;
  beforeEach(async () => void (world = await new World().start()));
  afterEach(() => world.stop());

  it('keep the order of each connection, whatever its transport and however events are sent', async () => {
    const ways = fc.constantFrom<Way>(
      ...(['room', 'room', 'broadcast', 'socket', 'page', 'acknowledged', 'except', 'turn'] as const),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(ways, { minLength: 1, maxLength: 40 }), async (plan) => {
        const own = await new World().start();
        try {
          const pairs: Pair[] = [];
          for (const kind of KINDS) pairs.push(await own.connect(TRANSPORTS[kind]));
          for (const way of plan) {
            if (way === 'turn') await turn();
            else own.send(way, pairs);
          }
          await eventually(() => {
            for (const { seen } of pairs) expect(seen.length).toBeGreaterThanOrEqual(own.numbers.length);
          });
          expect(pairs.map(({ seen }) => seen)).toEqual(pairs.map(() => own.numbers));
        } finally {
          await own.stop();
        }
      }),
      { numRuns: 30 },
    );
  });

  it('keep it during an upgrade from long polling to a WebSocket', async () => {
    const pair = await world.connect(TRANSPORTS.upgrade);
    const { engine } = pair.client.io;
    const transports = new Set<string>();
    for (let after = 0; after < 50;) {
      for (const way of ['room', 'page', 'acknowledged', 'room'] as const) world.send(way, [pair]);
      const { name } = pair.socket.conn.transport;
      transports.add(name);
      if (name === 'websocket' && engine.transport.name === 'websocket') after++;
      await turn();
    }
    await eventually(() => expect(pair.seen).toHaveLength(world.numbers.length));
    expect(pair.seen).toEqual(world.numbers);
    expect([...transports]).toEqual(['polling', 'websocket']);
  });

  it('send each event as it is, of any length in any alphabet', async () => {
    const { client, socket } = await world.connect(TRANSPORTS.frames);
    const came: unknown[] = [];
    client.on('text', (text: unknown) => came.push(text));
    const texts = [0, 1, 100, 125, 126, 4_000, 65_000, 65_536, 300_000].flatMap((length) =>
      ['x', 'é', '漢', '😀'].map((character) => character.repeat(length)),
    );
    for (const data of texts) world.rooms.emit(ROOM, 'text', data);
    await eventually(() => expect(came).toHaveLength(texts.length));
    expect(came).toEqual(texts);
    adapterOf(socket).sendAll(
      socket,
      texts.map((data) => ({ event: 'text', data })),
    );
    await eventually(() => expect(came).toHaveLength(2 * texts.length));
    expect(came).toEqual([...texts, ...texts]);
  });

  it('leave one socket out, and tell namespaces apart', async () => {
    const [one, other] = [await world.connect(TRANSPORTS.frames), await world.connect(TRANSPORTS.upgrade)];
    world.rooms.emit(ROOM, 'n', 1, one.socket.id);
    world.rooms.emit(ROOM, 'n', 2);
    await eventually(() => expect([one.seen, other.seen]).toEqual([[2], [1, 2]]));

    const namespace = world.server.of('/side').on('connection', (socket) => void socket.join(ROOM));
    const side = one.client.io.socket('/side');
    const seen: number[] = [];
    side.on('n', (n: number) => seen.push(n));
    await eventually(() => expect(namespace.adapter.rooms.get(ROOM)?.size).toBe(1));
    (namespace.adapter as unknown as FanOutAdapter).emit(ROOM, 'n', 3);
    await eventually(() => expect(seen).toEqual([3]));
    expect(one.seen).toEqual([2]);
    side.disconnect();
  });

  it('send binary data by an ordinary broadcast, which takes several frames', async () => {
    const pairs = [await world.connect(TRANSPORTS.frames), await world.connect(TRANSPORTS['long polling'])];
    const came: unknown[] = [];
    for (const { client } of pairs) client.on('bytes', (bytes: unknown) => came.push(bytes));
    world.server.to(ROOM).emit('bytes', Buffer.from('abc'));
    await eventually(() => expect(came).toEqual([Buffer.from('abc'), Buffer.from('abc')]));
  });

  it('send nothing to a socket that left, though its transport lives on and enters again', async () => {
    const { client, socket, seen } = await world.connect(TRANSPORTS.frames);
    world.server.of('/other'); // keeps the transport
    const other = client.io.socket('/other');
    other.connect();
    await eventually(() => expect(other.connected).toBe(true));
    client.disconnect();
    await eventually(() => expect(socket.connected).toBe(false));
    client.connect();
    await eventually(() => expect(client.connected).toBe(true));
    adapterOf(socket).sendAll(socket, [{ event: 'n', data: 1 }]);
    world.rooms.emit(ROOM, 'n', 2);
    world.server.emit('n', 3);
    await eventually(() => expect(seen).toContain(3));
    expect(seen).toEqual([3]);
    other.disconnect();
  });

  it('send nothing to a connection that ends, and throw nothing', async () => {
    const pairs: Pair[] = [];
    for (const kind of KINDS) pairs.push(await world.connect(TRANSPORTS[kind]));
    for (const pair of pairs) {
      if (pair === pairs[0]) terminate(pair);
      else pair.socket.conn.close();
      world.send('room', [pair]);
      world.send('page', [pair]);
    }
    await eventually(() =>
      expect(pairs.map(({ client }) => client.connected)).toEqual([false, false, false]),
    );
    for (const { socket } of pairs) adapterOf(socket).sendAll(socket, [{ event: 'n', data: 0 }]);
    expect(pairs[0]?.seen).toEqual([]);
  });

  it('count what a client does not take: slow consumers are found by it', async () => {
    const { client, socket } = await world.connect(TRANSPORTS.frames);
    const connection = new SocketConnection(socket);
    const tcp = (
      client.io.engine.transport as unknown as { ws: { _socket: { pause(): void; resume(): void } } }
    ).ws._socket;
    tcp.pause();
    const data = 'x'.repeat(1_000_000);
    const before = process.memoryUsage().arrayBuffers;
    for (let sent = 0; sent < 30; sent++) world.rooms.emit(ROOM, 'big', data);
    await turn();
    expect(connection.bufferedBytes()).toBeGreaterThan(10_000_000);
    expect(connection.bufferedBytes()).toBeLessThan(31_000_000);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(40_000_000);
    tcp.resume();
    await eventually(() => expect(connection.bufferedBytes()).toBe(0));
  });
});
