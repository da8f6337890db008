import { OwnRedis } from '../../cluster/redis.js';
import { describeWithRedis } from '../../integration/bus/redis-node.js';
import { eventually } from '../../support/eventually.js';
import { call } from '../../support/http.js';
import { aUser, startTestNode, type TestNode } from '../../support/node.js';
import { startServer, type TestServer } from '../../support/server.js';
import { connect, type Recorder } from '../../support/socket.js';

/** What a push may take with the followers' comparisons alone, and what it may not reach by them. In milliseconds. */
const OFTEN = 500;
const NEVER = 60_000;
/** For the delivery itself on a busy machine, in milliseconds. */
const SLACK = 3_000;

describeWithRedis('two servers with one database and one Redis', () => {
  let redis: OwnRedis;
  let a: TestNode;
  let b: TestServer;

  const start = async (env: Record<string, string>): Promise<void> => {
    const all = { REDIS_URL: redis.url, RATE_LIMIT_PER_HOUR: '0', USER_RATE_LIMIT_PER_HOUR: '0', ...env };
    a = await startTestNode(all);
    b = await startServer({ databaseUrl: a.database.url, env: all });
  };
  const deviceOnB = async (user: string): Promise<Recorder> => connect(b.url, { token: await a.token(user) });
  const isLocal = async (url: string): Promise<string | undefined> =>
    /^parley_rate_limit_local (\d)$/m.exec((await call(url, 'GET', '/metrics')).text)?.[1];

  beforeEach(async () => {
    redis = await OwnRedis.create();
  });
  afterEach(async () => {
    const fell = b.hasEnded();
    await b.stop();
    await a.stop();
    await redis.remove();
    expect(fell).toBe(false);
  });

  it('push on one what was posted on the other, in order, through Redis alone', async () => {
    await start({ RECONCILE_INTERVAL_MS: String(NEVER) });
    const user = aUser();
    await a.receive(user, 'first of all');
    const device = await deviceOnB(user);
    const texts = Array.from({ length: 50 }, (_, index) => (index % 10 ? `m${index}` : 'x'.repeat(100_000)));
    for (const text of texts) await a.send(user, text);
    await eventually(() => expect(device.events('message')).toHaveLength(texts.length));
    expect(device.events('message').map(({ payload }) => payload.content)).toEqual(texts);
  });

  it('share one rate limit', async () => {
    await start({});
    const { key } = await a.newKey({ scopes: ['user'], rate_limit_per_hour: 5 });
    const statuses: number[] = [];
    for (const url of [a.url, b.url, a.url, b.url, a.url, b.url, a.url])
      statuses.push((await call(url, 'GET', '/v1/sessions?platform_user_id=u', { credential: key })).status);
    expect(statuses.filter((status) => status !== 429)).toHaveLength(5);
    expect(statuses.slice(5)).toEqual([429, 429]);
    expect([await isLocal(a.url), await isLocal(b.url)]).toEqual(['0', '0']);
  });

  it.each<[string, () => unknown, () => unknown]>([
    ['killed', () => redis.kill(), () => redis.start()],
    ['stopped', () => redis.signal('SIGSTOP'), () => redis.signal('SIGCONT')],
  ])('serve as before while Redis is %s, and say that limits are local', async (_, stop, go) => {
    await start({ RECONCILE_INTERVAL_MS: String(OFTEN), RATE_LIMIT_PER_HOUR: '1000' });
    const user = aUser();
    const old = await deviceOnB(user);
    await stop();
    await a.send(user, 'one');
    await old.next('message', OFTEN + SLACK);
    const young = await deviceOnB(user);
    await a.send(user, 'two');
    for (const device of [old, young])
      expect((await device.next('message', OFTEN + SLACK)).payload.content).toBe('two');
    expect((await call(b.url, 'GET', '/health/ready')).status).toBe(200);
    expect(await isLocal(a.url)).toBe('1');
    await go();
    await eventually(
      async () => {
        await a.send(user, 'again');
        expect(await isLocal(a.url)).toBe('0');
      },
      { timeoutMs: 15_000, everyMs: 200 },
    );
    expect([a.server.hasEnded(), b.hasEnded()]).toEqual([false, false]);
  });

  it('start without Redis', async () => {
    await redis.kill();
    await start({ RECONCILE_INTERVAL_MS: String(OFTEN) });
    const user = aUser();
    const device = await deviceOnB(user);
    await a.send(user, 'one');
    expect((await device.next('message', OFTEN + SLACK)).payload.content).toBe('one');
  });
});
