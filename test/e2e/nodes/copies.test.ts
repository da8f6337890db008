import { OwnRedis } from '../../cluster/redis.js';
import { describeWithRedis } from '../../integration/bus/redis-node.js';
import { call } from '../../support/http.js';
import { startTestNode, type TestNode } from '../../support/node.js';

const LIMIT = 5;

describeWithRedis('two installations that share a Redis', () => {
  let redis: OwnRedis;
  let nodes: TestNode[] = [];

  beforeEach(async () => {
    redis = await OwnRedis.create();
  });
  afterEach(async () => {
    for (const node of nodes) await node.stop();
    await redis.remove();
  });

  it('share nothing else, though the database of one is a copy of the other’s', async () => {
    const env = { REDIS_URL: redis.url, RATE_LIMIT_PER_HOUR: String(LIMIT) };
    nodes = [await startTestNode(env), await startTestNode(env)];
    const epochs = await Promise.all(
      nodes.map((node) => node.query(`SELECT value FROM settings WHERE name = 'epoch'`)),
    );
    expect(epochs[0]).toEqual(epochs[1]); // copies: all that tests use are clones of one
    for (const { url } of nodes) {
      const statuses: number[] = [];
      for (let i = 0; i <= LIMIT; i++) statuses.push((await call(url, 'GET', '/v1/sessions')).status);
      expect(statuses).toEqual([...Array<number>(LIMIT).fill(401), 429]);
    }
  });
});
