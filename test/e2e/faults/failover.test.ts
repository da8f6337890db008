import pg from 'pg';
import { eventually } from '../../support/eventually.js';
import { call } from '../../support/http.js';
import { aUser, startTestNode, type TestNode } from '../../support/node.js';

let node: TestNode;

beforeAll(async () => void (node = await startTestNode()), 60_000);
afterAll(() => node?.stop());

/** As an administrator, who can write whatever the database says. */
async function administer(sql: string): Promise<void> {
  const options = '-c default_transaction_read_only=off';
  const client = new pg.Client({ ...node.database.connection, options });
  await client.connect();
  await client.query(sql);
  await client.end();
}

/** From now on connections to the database can read and not write; those that are open stay as they are. */
const forbidWrites = (): Promise<void> =>
  administer(`ALTER DATABASE ${node.database.connection.database} SET default_transaction_read_only = on`);
const allowWrites = (): Promise<void> =>
  administer(`ALTER DATABASE ${node.database.connection.database} RESET default_transaction_read_only`);

/** Ends every connection of the node, as the old primary does when it becomes a standby. */
const endConnections = (): Promise<void> =>
  administer(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
              WHERE datname = current_database() AND application_name LIKE 'parley%'`);

it('After a failover that leads to a server which cannot write, writes are 503 and not 500, until it can', async () => {
  const user = aUser();
  const { id } = await node.send(user, 'before');
  await forbidWrites();
  await endConnections();
  const writes: [string, string, object?][] = [
    ['POST', '/v1/message/receive', { platform_user_id: user, message: 'x' }],
    ['POST', '/v1/message/receive', { platform_user_id: aUser(), message: 'x' }],
    ['POST', '/v1/messages/read', { platform_user_id: user, up_to_seq: 1 }],
    ['PATCH', `/v1/messages/${id}`, { payload: { content: 'y' } }],
    ['POST', '/v1/sessions', { platform_user_id: user }],
    ['POST', '/v1/api-keys', { name: 'x', scopes: ['user'] }],
    ['POST', '/v1/tokens/revoke', { platform_user_id: user }],
  ];
  await eventually(async () => expect((await node.call('GET', '/health/ready')).status).toBe(503));
  for (const [method, path, body] of writes) {
    const answer = await node.call(method, path, body);
    expect([path, answer.status, answer.body?.error.code]).toEqual([path, 503, 'service_unavailable']);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  }
  // what can be read is read, over as many connections as the node may have
  const reads = Array.from({ length: 40 }, () => node.ok('GET', `/v1/messages/all?platform_user_id=${user}`));
  for (const page of await Promise.all(reads)) expect(page.messages).toHaveLength(1);
  await allowWrites(); // connections that are open still cannot write: the node has to let go of them by itself
  await eventually(async () => expect((await call(node.url, 'GET', '/health/ready')).status).toBe(200), {
    timeoutMs: 15_000,
  });
  const users = Array.from({ length: 20 }, () => aUser());
  await Promise.all(users.flatMap((one) => [node.send(user, 'after'), node.receive(one, 'hello')]));
  for (let i = 0; i < 20; i++) await Promise.all([node.send(user, `${i}`), node.receive(user, `${i}`)]);
}, 60_000);
