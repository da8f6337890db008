import { connectAgent } from '../../support/agent.js';
import { eventually } from '../../support/eventually.js';
import { aUser, startTestNode, type TestNode } from '../../support/node.js';
import { startServer, type TestServer } from '../../support/server.js';
import { closeSockets, type Recorder } from '../../support/socket.js';

const LIMIT = 3;
const env = { MAX_STREAMS_PER_KEY: String(LIMIT), STREAM_TIMEOUT_MS: '2000', STREAM_SAVE_MS: '20' };

let here: TestNode;
let there: TestServer;

beforeAll(async () => {
  here = await startTestNode(env);
  there = await startServer({ databaseUrl: here.database.url, env: { RATE_LIMIT_PER_HOUR: '0', ...env } });
}, 60_000);
afterEach(closeSockets);
afterAll(async () => {
  await there.stop();
  await here.stop();
});

const aBot = (url: string): Promise<Recorder> => connectAgent(url, { api_key: here.key, agent_id: 'bot' });

/** Begins an answer, with its first word. */
async function begin(bot: Recorder): Promise<string> {
  const started = await bot.command('message:start', { platform_user_id: aUser() });
  expect(started).toMatchObject({ ok: true });
  const { message_id } = started.data;
  await bot.command('message:append', { message_id, offset: 0, delta: 'Hello' });
  return message_id as string;
}

it('answers that go on at another node give their places back where they began', async () => {
  const before = await aBot(here.url);
  const ids = await Promise.all(Array.from({ length: LIMIT }, () => begin(before)));
  const refused = await before.command('message:start', { platform_user_id: aUser() });
  expect(refused).toMatchObject({ ok: false, error: { code: 'rate_limit_exceeded' } });
  before.socket.disconnect();
  const after = await aBot(there.url);
  for (const message_id of ids) {
    await eventually(async () =>
      expect(await after.command('message:append', { message_id, offset: 5, delta: ' world' })).toMatchObject(
        { ok: true },
      ),
    );
    const finished = await after.command('message:finish', { message_id, offset: 11 });
    expect(finished).toMatchObject({ ok: true, data: { payload: { content: 'Hello world' } } });
  }
  const again = await aBot(here.url);
  for (let i = 0; i < LIMIT; i++) await eventually(() => begin(again));
});
