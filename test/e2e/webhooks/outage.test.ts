import { randomBytes } from 'node:crypto';
import { urlOf } from '../../support/database.js';
import { eventually } from '../../support/eventually.js';
import { call } from '../../support/http.js';
import { startServer, type TestServer } from '../../support/server.js';
import { type Receiver, startReceiver } from '../../support/webhook-receiver.js';
import { OwnPostgres } from '../faults/postgres.js';
import { SOON } from './webhook-node.js';

const key = `key-for-outages-${randomBytes(8).toString('hex')}`;
let postgres: OwnPostgres;
let server: TestServer;
let receiver: Receiver;

beforeAll(async () => {
  receiver = await startReceiver();
  postgres = await OwnPostgres.create();
  server = await startServer({
    databaseUrl: urlOf(postgres.connection),
    env: { BOOTSTRAP_API_KEY: key, RATE_LIMIT_PER_HOUR: '0', ...SOON, WEBHOOK_TIMEOUT_MS: '1000' },
  });
}, 60_000);
afterAll(async () => {
  await server?.kill();
  await postgres?.remove();
  await receiver?.close();
});

const post = (path: string, body: object) => call(server.url, 'POST', path, { credential: key, body });

/** A message that is in the log: repeated until PostgreSQL takes it. */
const say = (text: string): Promise<void> =>
  eventually(
    async () => {
      const body = { platform_user_id: 'ann', message: text, client_message_id: text };
      expect((await post('/v1/message/receive', body)).status).toBeLessThan(300);
    },
    { timeoutMs: 20_000 },
  );

const heard = (): string[] => receiver.requests.map(({ body }) => body.data.message.payload.content);

it('when PostgreSQL crashes in the middle of deliveries, each is made when it is back, and those that come after', async () => {
  expect((await post('/v1/webhooks', { url: receiver.url })).status).toBe(201);
  await say('before');
  await eventually(() => expect(heard()).toEqual(['before']));

  let open: () => void = () => undefined;
  const gate = new Promise<void>((opened) => (open = opened));
  receiver.behave(async () => (await gate, {}));
  for (let index = 0; index < 5; index++) await say(`during ${index}`);
  await eventually(() => expect(heard().length).toBeGreaterThanOrEqual(6)); // on their way
  await postgres.crash();
  open(); // answered, and nobody can write it down
  expect((await post('/v1/message/receive', { platform_user_id: 'ann', message: 'lost' })).status).toBe(503);
  await postgres.start();
  await say('after');
  await eventually(
    async () => {
      const { body } = await call(server.url, 'GET', '/v1/webhooks', { credential: key });
      const path = `/v1/webhooks/${body.webhooks[0].id}/deliveries`;
      const { deliveries } = (await call(server.url, 'GET', path, { credential: key })).body;
      expect(deliveries.map(({ state }: any) => state)).toEqual(Array.from({ length: 7 }, () => 'delivered'));
    },
    { timeoutMs: 40_000 },
  );
  const during = Array.from({ length: 5 }, (_, index) => `during ${index}`);
  expect([...new Set(heard())].sort()).toEqual(['after', 'before', ...during]);
  expect(server.hasEnded()).toBe(false);
});
