import { createServer, connect, type Server, type Socket } from 'node:net';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { anError, aUser, clientOf, made, type CallOptions } from '../../support/api.js';
import { eventually } from '../../support/eventually.js';
import { startServer, type TestServer } from '../../support/server.js';

const KEY = 'a-key-for-the-outage';

let database: TestDatabase;
let line: Line;
let server: TestServer;
let api: ReturnType<typeof clientOf>;

beforeAll(async () => {
  database = await createTestDatabase();
  line = await Line.to(database);
  server = await startServer({
    databaseUrl: line.url,
    env: { BOOTSTRAP_API_KEY: KEY, RATE_LIMIT_PER_HOUR: '200' },
  });
  api = clientOf(server.url, KEY);
});
afterAll(async () => {
  await server?.stop();
  await line?.close();
  await database?.drop();
});

const receive = (user: string, id: string, options?: CallOptions) =>
  api.post('/v1/message/receive', { platform_user_id: user, message: id, client_message_id: id }, options);

describe('while the database is away', () => {
  it('a call is 503 with Retry-After, and what was answered before is there afterwards', async () => {
    const user = aUser();
    made(await receive(user, 'before'));
    line.cut();
    for (const answer of [
      await receive(user, 'during'),
      await api.get(`/v1/messages/all?platform_user_id=${user}`),
      await api.patch('/v1/sessions/x', { title: 'x' }),
      await api.post('/v1/api-keys', { name: 'x', scopes: ['user'] }),
      await api.post('/v1/tokens/revoke', { platform_user_id: user }),
    ]) {
      expect(answer).toMatchObject(anError(503, 'service_unavailable'));
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(answer.headers.has('x-ratelimit-remaining')).toBe(true);
      expect(JSON.stringify(answer.body)).not.toMatch(/ECONN|postgres|node_modules/);
    }
    line.mend();
    await eventually(async () => made(await receive(user, 'during')), { timeoutMs: 10_000 });
    const { body } = await api.get(`/v1/messages/all?platform_user_id=${user}`);
    expect(body.messages.map(({ payload }: any) => payload.content)).toEqual(['before', 'during']);
  });

  it('what is under way when it goes is answered 503 or stored, never both or neither', async () => {
    const user = aUser();
    const ids = Array.from({ length: 40 }, (_, i) => `m${i}`);
    const writes = ids.map((id) => receive(user, id));
    await Promise.race(writes);
    line.cut();
    const statuses = (await Promise.all(writes)).map(({ status }) => status);
    expect(statuses.every((status) => status === 201 || status === 503)).toBe(true);
    expect(statuses).toContain(201);
    line.mend();
    await eventually(async () => made(await api.get('/health/ready')), { timeoutMs: 10_000 });
    for (const id of ids) made(await receive(user, id));
    const { body } = await api.get(`/v1/messages/all?platform_user_id=${user}`);
    expect(body.messages.map(({ payload }: any) => payload.content).sort()).toEqual([...ids].sort());
  });

  it('the node is alive and not ready, and its health checks spend no rate limit', async () => {
    line.cut();
    for (let i = 0; i < 210; i++) {
      const { status, headers } = await api.get('/health/ready', { key: null });
      expect([status, headers.has('x-ratelimit-remaining')]).toEqual([503, false]);
    }
    expect((await api.get('/health/live', { key: null })).status).toBe(200);
    line.mend();
    await eventually(async () => expect((await api.get('/health/ready')).status).toBe(200), {
      timeoutMs: 10_000,
    });
  });
});

/** A TCP line to a database that can be cut and mended. */
class Line {
  private readonly open = new Set<Socket>();
  private isCut = false;

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  static async to({ connection: { host, port, user, database: name } }: TestDatabase): Promise<Line> {
    const listener = createServer();
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    const { port: own } = listener.address() as { port: number };
    const made = new Line(listener, `postgresql://${user}@127.0.0.1:${own}/${name}`);
    listener.on('connection', (socket) => {
      if (made.isCut) socket.destroy();
      else made.join(socket, connect(`${host}/.s.PGSQL.${port}`));
    });
    return made;
  }

  cut(): void {
    this.isCut = true;
    for (const socket of this.open) socket.destroy();
  }

  mend(): void {
    this.isCut = false;
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private join(...pair: [Socket, Socket]): void {
    const [one, other] = pair;
    one.pipe(other).pipe(one);
    for (const socket of pair) {
      this.open.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        this.open.delete(socket);
        for (const end of pair) end.destroy();
      });
    }
  }
}
