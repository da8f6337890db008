import { eventually } from '../../support/eventually.js';
import { aUser, startTestNode, type TestNode } from '../../support/node.js';
import { startServer, type TestServer } from '../../support/server.js';
import { closeSockets, connect, type Recorder } from '../../support/socket.js';
import { joined } from './streaming-request.js';

/** The claim of an agent whose node was killed ends with the node's lease, five seconds later. */
const LEASE_LIMIT = { timeoutMs: 15_000, everyMs: 200 };

let here: TestNode;
let doomed: TestServer;

beforeAll(async () => {
  here = await startTestNode();
  doomed = await startServer({ databaseUrl: here.database.url, env: { RATE_LIMIT_PER_HOUR: '0' } });
}, 60_000);
afterEach(closeSockets);
afterAll(async () => {
  await doomed.kill();
  await here.stop();
});

const anAgent = (url: string): Promise<Recorder> => connect(`${url}/agents`, { api_key: here.key });

/** Appends the rest of a text, from wherever the server is. */
async function sayTheRest(agent: Recorder, message_id: string, text: string, from: number): Promise<void> {
  const answer = await agent.command('message:append', { message_id, offset: from, delta: text.slice(from) });
  if (answer.ok) return expect(answer.data).toEqual({ offset: text.length });
  expect(answer.error.code).toBe('resource_conflict');
  expect(answer.error.details.offset).toBeLessThan(from);
  await sayTheRest(agent, message_id, text, answer.error.details.offset);
}

it('an agent whose node was killed goes on at another one, and its user gets one whole answer', async () => {
  const user = aUser();
  const device = await here.device(user);
  const question = await here.receive(user, 'Well?');
  const text = 'The quick brown fox jumps over the lazy dog. '.repeat(20);

  const before = await anAgent(doomed.url);
  const started = await before.command('message:start', { platform_user_id: user });
  const { message_id } = started.data;
  for (let from = 0; from < 600; from += 30)
    await before.command('message:append', { message_id, offset: from, delta: text.slice(from, from + 30) });
  await doomed.kill();

  const agent = await anAgent(here.url);
  await sayTheRest(agent, message_id, text, 600);
  await eventually(() => expect(joined(device.events('message:delta'), message_id)).toBe(text));
  const finished = await eventually(async () => {
    const answer = await agent.command('message:finish', { message_id, offset: text.length });
    expect(answer).toMatchObject({ ok: true });
    return answer.data;
  }, LEASE_LIMIT);
  expect(finished).toMatchObject({ id: message_id, status: 'complete', payload: { content: text } });
  await eventually(() => expect(device.events('message:updated').at(-1)).toEqual(finished));
  const { messages } = await here.ok('GET', `/v1/messages/all?platform_user_id=${user}`);
  expect(messages).toEqual([question, finished]);
  await eventually(async () => expect(await here.query('SELECT * FROM inbox')).toEqual([]));
}, 60_000);
