import { Agent, get, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { startTestNode, type TestNode } from '../../support/node.js';

/** Often enough that the node sees it is still asked. */
const EVERY_MS = 20;

let node: TestNode;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
beforeAll(async () => void (node = await startTestNode()));
afterAll(async () => {
  agent.destroy();
  await node.stop().catch(() => undefined); // it says that the server has ended, which is what is tested
});

async function ask(path: string): Promise<IncomingMessage> {
  const request = get(`${node.url}${path}`, { agent, headers: { authorization: `Bearer ${node.key}` } });
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  await once(answer.resume(), 'end');
  return answer;
}

it('SIGTERM: what is still asked is answered with Connection: close, not ready, until connections are refused', async () => {
  const path = '/v1/sync?platform_user_id=ann';
  expect((await ask(path)).headers.connection).toBe('keep-alive');
  node.server.child.kill('SIGTERM');
  const closing: (number | undefined)[] = [];
  const ready: (number | undefined)[] = [];
  const end = await (async () => {
    for (;;) {
      const answer = await ask(path);
      if (answer.headers.connection === 'close') {
        closing.push(answer.statusCode);
        ready.push((await ask('/health/ready')).statusCode);
      }
      await delay(EVERY_MS);
    }
  })().catch((error: { code?: string }) => error.code);
  expect(end).toBe('ECONNREFUSED');
  expect(closing.length).toBeGreaterThan(3);
  expect(new Set(closing)).toEqual(new Set([200]));
  expect(new Set(ready)).toEqual(new Set([503]));
  expect(await node.server.ended).toBe(0);
});
