import { randomBytes } from 'node:crypto';
import { urlOf } from '../../support/database.js';
import { eventually } from '../../support/eventually.js';
import { call } from '../../support/http.js';
import { aUser } from '../../support/node.js';
import { startServer, type TestServer } from '../../support/server.js';
import { closeSockets, connect } from '../../support/socket.js';
import { OwnPostgres } from './postgres.js';

const key = `key-for-presence-${randomBytes(8).toString('hex')}`;
let postgres: OwnPostgres;
let nodes: TestServer[];

beforeAll(async () => {
  postgres = await OwnPostgres.create();
  const start = () =>
    startServer({
      databaseUrl: urlOf(postgres.connection),
      env: { BOOTSTRAP_API_KEY: key, RATE_LIMIT_PER_HOUR: '0' },
    });
  nodes = [await start(), await start()];
}, 60_000);
afterAll(async () => {
  closeSockets();
  await Promise.all(nodes?.map((node) => node.kill()) ?? []);
  await postgres?.remove();
});

it('PostgreSQL crashes, which empties presence: the nodes say again who is connected', async () => {
  const [user, leaving] = [aUser(), aUser()];
  const device = (node: TestServer, name: string) =>
    connect(node.url, { api_key: key, platform_user_id: name });
  const ask = (node: TestServer, name: string) =>
    call(node.url, 'GET', `/v1/users/${name}/presence`, { credential: key });
  const expectEverywhere = async (name: string, connections: number) => {
    for (const node of nodes)
      await eventually(
        async () => expect(await ask(node, name)).toMatchObject({ status: 200, body: { connections } }),
        { timeoutMs: 15_000 },
      );
  };
  const [one, two] = nodes as [TestServer, TestServer];
  await device(one, user);
  await device(two, user);
  const gone = await device(two, leaving);
  await expectEverywhere(user, 2);
  await expectEverywhere(leaving, 1);

  await postgres.crash();
  expect(await ask(one, user)).toMatchObject({
    status: 503,
    body: { error: { code: 'service_unavailable' } },
  });
  gone.close();
  await postgres.start();
  await expectEverywhere(user, 2);
  await expectEverywhere(leaving, 0);
}, 60_000);
