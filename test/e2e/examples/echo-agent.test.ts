import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Api, aUser, made, startApi } from '../../support/api.js';
import { eventually } from '../../support/eventually.js';
import { createTestDatabase } from '../../support/database.js';
import { startServer } from '../../support/server.js';
import { closeSockets, connect } from '../../support/socket.js';
import { quietPort } from '../faults/port.js';
import { killExamples, said, startExample } from './example.js';

let api: Api;
beforeAll(async () => {
  api = await startApi();
});
afterEach(async () => {
  closeSockets();
  await killExamples();
});
afterAll(() => api?.stop());

const start = () => startExample('echo-agent.mjs', { PARLEY_URL: api.server.url, PARLEY_API_KEY: api.key });

const userSocket = (user: string) => connect(api.server.url, { api_key: api.key, platform_user_id: user });

const answersTo = ({ events }: { events(name: string): any[] }): string[] =>
  events('message')
    .filter(({ payload }) => payload.sender === 'assistant')
    .map(({ payload }) => payload.content);

it('examples/echo-agent.mjs answers each message once, also what came while it was killed', async () => {
  const user = await userSocket(aUser());
  const first = start();
  await user.command('message:receive', { message: 'one' });
  await eventually(() => expect(answersTo(user)).toEqual(['You said: one']), { timeoutMs: 10_000 });
  await first.kill();
  await user.command('message:receive', { message: 'two' });
  await user.command('message:receive', { message: 'three' });
  const second = start();
  await said(second, 'answered');
  await eventually(() => expect(answersTo(user)).toEqual(['You said: one', 'You said: two\nthree']));
  await user.command('message:receive', { message: 'four' });
  await eventually(() =>
    expect(answersTo(user)).toEqual(['You said: one', 'You said: two\nthree', 'You said: four']),
  );
});

it('examples/echo-agent.mjs comes back after its server was stopped', async () => {
  const database = await createTestDatabase();
  const env = { BOOTSTRAP_API_KEY: api.key, PORT: await quietPort() };
  let server = await startServer({ databaseUrl: database.url, env });
  const ask = async (message: string) => {
    const user = await connect(server.url, { api_key: api.key, platform_user_id: aUser() });
    await user.command('message:receive', { message });
    await eventually(() => expect(answersTo(user)).toEqual([`You said: ${message}`]), { timeoutMs: 15_000 });
  };
  try {
    startExample('echo-agent.mjs', { PARLEY_URL: server.url, PARLEY_API_KEY: api.key });
    await ask('there?');
    await server.stop();
    server = await startServer({ databaseUrl: database.url, env });
    await ask('still there?');
  } finally {
    await server.kill();
    await database.drop();
  }
}, 60_000);

it('examples/echo-agent.mjs says why it is refused', async () => {
  const agent = startExample('echo-agent.mjs', { PARLEY_URL: api.server.url, PARLEY_API_KEY: 'nonsense' });
  await said(agent, 'not connected: invalid_api_key');
  expect(await agent.ended).toBe(1);
});

it('examples/echo-agent.mjs names the server that it cannot reach', async () => {
  const PARLEY_URL = `http://127.0.0.1:${await quietPort()}`;
  const agent = startExample('echo-agent.mjs', { PARLEY_URL, PARLEY_API_KEY: api.key });
  await said(agent, `not connected: ${PARLEY_URL}: `);
  expect(agent.hasEnded()).toBe(false); // it goes on trying
});

it('examples/echo-agent.mjs says what it is refused after the server has ended its connection', async () => {
  const { key, id } = made(await api.post('/v1/api-keys', { name: 'agent', scopes: ['agent'] }));
  const agent = startExample('echo-agent.mjs', { PARLEY_URL: api.server.url, PARLEY_API_KEY: key });
  await said(agent, `connected to ${api.server.url}, `);
  made(await api.post(`/v1/api-keys/${id}/revoke`));
  await said(agent, 'not connected: invalid_api_key');
  expect(await agent.ended).toBe(1);
});

it('the README shows examples/echo-agent.mjs', () => {
  const [readme, example] = ['README.md', 'examples/echo-agent.mjs'].map((file) =>
    readFileSync(join(__dirname, '../../..', file), 'utf8'),
  );
  const [, shown] = /## Agents\n[\s\S]*?```js\n([\s\S]*?)```/.exec(readme ?? '') ?? [];
  expect(example?.split(' */\n')[1]).toBe(shown);
});
