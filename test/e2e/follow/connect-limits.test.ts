import { eventually } from '../../support/eventually.js';
import { aUser, startTestNode, type TestNode } from '../../support/node.js';
import { closeSockets, dial, refusal } from '../../support/socket.js';

const RECONNECT = { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 400 };
let node: TestNode;
afterEach(async () => {
  closeSockets();
  await node.stop();
});

const auth = (user: string) => ({ api_key: node.key, platform_user_id: user });

describe('MAX_CONNECTS_PER_SECOND', () => {
  it('turns away who is too many; stock clients come again by themselves, and are all here in the end', async () => {
    node = await startTestNode({ MAX_CONNECTS_PER_SECOND: '4' });
    const user = aUser();
    const clients = Array.from({ length: 14 }, () => dial(node.url, auth(user), RECONNECT));
    let attempts = 0;
    for (const { socket } of clients) socket.io.on('reconnect_attempt', () => void attempts++);
    const ready = () => clients.filter((client) => client.events('ready').length > 0);
    await eventually(() => expect(attempts).toBeGreaterThan(0));
    const early = ready().length;
    expect(early).toBeLessThan(clients.length);
    await eventually(() => expect(ready()).toHaveLength(clients.length), { timeoutMs: 15_000 });
    expect(clients.flatMap((client) => client.events('connect_error'))).toEqual([]);
    const sent = await node.send(user, 'all here');
    await eventually(() => {
      for (const client of clients) expect(client.events('message')).toEqual([sent]);
    });
  });
});

describe('MAX_CONNECTIONS_PER_USER', () => {
  it('refuses one socket more, and takes one when another leaves', async () => {
    node = await startTestNode({ MAX_CONNECTIONS_PER_USER: '2' });
    const user = aUser();
    const [first] = [await node.device(user), await node.device(user, auth(user))];
    for (const credential of [auth(user), { token: await node.token(user) }])
      expect(await refusal(node.url, credential)).toMatchObject({
        code: 'rate_limit_exceeded',
        message: expect.stringContaining('2 connections'),
        details: { limit: 2 },
      });
    await node.device(aUser());
    first.close();
    await eventually(() => node.device(user));
  });

  it('holds when all come at once, and leaves room again when all have gone', async () => {
    node = await startTestNode({ MAX_CONNECTIONS_PER_USER: '2' });
    const user = aUser();
    for (let round = 0; round < 3; round++) {
      await eventually(async () => {
        const clients = Array.from({ length: 10 }, () => dial(node.url, auth(user)));
        await eventually(() => {
          for (const { received } of clients) expect(received.length).toBeGreaterThan(0);
        });
        const admitted = clients.filter((client) => client.events('ready').length > 0);
        const refused = clients.flatMap((client) => client.events('connect_error'));
        closeSockets();
        expect(refused).toHaveLength(10 - admitted.length);
        expect(admitted.length).toBeLessThanOrEqual(2);
        expect(admitted).toHaveLength(2);
      });
    }
  });
});
