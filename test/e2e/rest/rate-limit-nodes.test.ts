import { call } from '../../support/http.js';
import { startTestNode, type TestNode } from '../../support/node.js';
import { startServer, type TestServer } from '../../support/server.js';

let one: TestNode;
let two: TestServer;
const env = { RATE_LIMIT_PER_HOUR: '0' };
const start = () => startServer({ databaseUrl: one.database.url, env });
beforeAll(async () => {
  one = await startTestNode(env);
  two = await start();
});
afterAll(async () => {
  await two?.stop();
  await one?.stop();
});

it('A key has one budget on two nodes, request by request, also after one of them was killed', async () => {
  const LIMIT = 40;
  const { key } = await one.newKey({ scopes: ['user'], rate_limit_per_hour: LIMIT });
  const ask = (url: string) =>
    call(url, 'GET', '/v1/messages/all?platform_user_id=somebody', { credential: key });
  const rest: (string | null)[] = [];
  for (let i = 0; i < LIMIT / 2; i++)
    rest.push((await ask(i % 2 ? one.url : two.url)).headers.get('x-ratelimit-remaining'));
  await two.kill();
  two = await start();
  for (let i = LIMIT / 2; i < LIMIT; i++)
    rest.push((await ask(i % 2 ? one.url : two.url)).headers.get('x-ratelimit-remaining'));
  expect(rest).toEqual(Array.from({ length: LIMIT }, (_, i) => String(LIMIT - 1 - i)));
  for (const url of [one.url, two.url]) {
    const refused = await ask(url);
    expect([refused.status, refused.body.error.code]).toEqual([429, 'rate_limit_exceeded']);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(3000);
  }
});
