import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { aUser } from '../../support/api.js';
import { eventually } from '../../support/eventually.js';
import { startServer, type TestServer } from '../../support/server.js';
import { closeSockets, connect, type Recorder } from '../../support/socket.js';
import { quietPort } from '../faults/port.js';
import { killExamples, said, startExample } from './example.js';
import { type FakeModel, saidTo, startModel } from './fake-model.js';

const KEY = 'a-key-for-the-openai-agent';
const PATIENCE = { timeoutMs: 20_000 };

let database: TestDatabase;
let port: string;
let server: TestServer;
let model: FakeModel;

const startAgain = (streams: Record<string, string>) =>
  startServer({
    databaseUrl: database.url,
    env: {
      BOOTSTRAP_API_KEY: KEY,
      PORT: port,
      RATE_LIMIT_PER_HOUR: '0',
      RECONCILE_INTERVAL_MS: '200',
      ...streams,
    },
  });

beforeAll(async () => {
  database = await createTestDatabase();
  port = await quietPort();
  server = await startAgain({ STREAM_TIMEOUT_MS: '4000' });
});
beforeEach(async () => {
  model = await startModel();
});
afterEach(async () => {
  closeSockets();
  await killExamples();
  await model.stop();
});
afterAll(async () => {
  await server?.kill();
  await database?.drop();
});

const start = (env: Record<string, string> = {}) =>
  startExample('openai-agent.mjs', {
    PARLEY_URL: server.url,
    PARLEY_API_KEY: KEY,
    OPENAI_BASE_URL: model.url,
    OPENAI_API_KEY: 'sk-test',
    MODEL: 'fake-1',
    SYSTEM_PROMPT: 'Be kind.',
    ...env,
  });

const userSocket = (user: string) => connect(server.url, { api_key: KEY, platform_user_id: user });
const say = async (user: Recorder, message: string) => {
  expect(await user.command('message:receive', { message })).toMatchObject({ ok: true });
};

/** The assistant's messages as the socket knows them by now, in the order of the log. */
function answersTo(user: Recorder): any[] {
  const latest = new Map<string, any>();
  for (const { event, data } of user.received)
    if (event === 'message' || event === 'message:updated') latest.set(data.id, data);
  return [...latest.values()].filter(({ payload }) => payload.sender === 'assistant');
}

const summary = (user: Recorder) =>
  answersTo(user).map(({ status, payload }) => ({ status, content: payload.content }));

/** What the model was asked about this. */
const askedAbout = (text: string) => model.asked.filter(({ body }) => body.messages.at(-1)?.content === text);

/** What came in pieces. */
function piecesOf(user: Recorder, messageId: string): string {
  let text = '';
  for (const { message_id, offset, delta } of user.events('message:delta'))
    if (message_id === messageId) text = text.slice(0, offset) + delta;
  return text;
}

const streaming = async (user: Recorder): Promise<any> =>
  eventually(() => {
    const last = answersTo(user).at(-1);
    if (last?.status !== 'streaming') throw new Error('nothing streams');
    if (piecesOf(user, last.id).length < 20) throw new Error('no pieces came');
    return last;
  }, PATIENCE);

describe('examples/openai-agent.mjs', () => {
  it('streams what the model says, and gives it the history', async () => {
    const user = await userSocket(aUser());
    start();
    await say(user, 'Where is my order?');
    const first = { status: 'complete', content: saidTo('Where is my order?') };
    await eventually(() => expect(summary(user)).toEqual([first]), PATIENCE);
    const [answer] = answersTo(user);
    expect(saidTo('Where is my order?').startsWith(piecesOf(user, answer.id))).toBe(true);
    expect(piecesOf(user, answer.id)).not.toBe('');
    await say(user, 'And my invoice?');
    const second = { status: 'complete', content: saidTo('And my invoice?') };
    await eventually(() => expect(summary(user)).toEqual([first, second]), PATIENCE);
    expect(model.asked[0]?.headers.authorization).toBe('Bearer sk-test');
    expect(model.asked.map(({ body }) => body)).toEqual([
      {
        model: 'fake-1',
        stream: true,
        messages: [
          { role: 'system', content: 'Be kind.' },
          { role: 'user', content: 'Where is my order?' },
        ],
      },
      {
        model: 'fake-1',
        stream: true,
        messages: [
          { role: 'system', content: 'Be kind.' },
          { role: 'user', content: 'Where is my order?' },
          { role: 'assistant', content: first.content },
          { role: 'user', content: 'And my invoice?' },
        ],
      },
    ]);
  });

  it('killed in the middle of an answer and started again, it answers: one whole answer, one left incomplete', async () => {
    const user = await userSocket(aUser());
    const first = start();
    model.hold();
    await say(user, 'Are you there?');
    await streaming(user);
    await first.kill();
    await say(user, 'Hello?');
    model.release();
    start();
    const whole = { status: 'complete', content: saidTo('Hello?') };
    await eventually(
      () => expect(summary(user)).toEqual([{ status: 'incomplete', content: expect.any(String) }, whole]),
      PATIENCE,
    );
    const [broken] = summary(user);
    expect(saidTo('Are you there?').startsWith(broken?.content)).toBe(true);
    expect(broken?.content).not.toBe('');
    const again = askedAbout('Hello?');
    expect(again).toHaveLength(1);
    expect(again[0]?.body.messages.map(({ content }) => content)).toEqual([
      'Be kind.',
      'Are you there?',
      'Hello?',
    ]);
  });

  it('ends the model’s work when the user presses stop', async () => {
    const user = await userSocket(aUser());
    start();
    model.hold();
    await say(user, 'Tell me everything.');
    const { id } = await streaming(user);
    expect(await user.command('message:stop', { message_id: id })).toMatchObject({ ok: true });
    await eventually(() => expect(summary(user)).toMatchObject([{ status: 'cancelled' }]), PATIENCE);
    expect(saidTo('Tell me everything.').startsWith(answersTo(user)[0].payload.content)).toBe(true);
    await eventually(() => expect(askedAbout('Tell me everything.')[0]?.isAborted).toBe(true), PATIENCE);
    model.release();
    await say(user, 'Shorter.'); // it was not told of the first again
    await eventually(() => expect(summary(user).at(-1)?.content).toBe(saidTo('Shorter.')), PATIENCE);
    expect(answersTo(user)).toHaveLength(2);
  });

  it('begins anew when the model breaks off', async () => {
    const user = await userSocket(aUser());
    start();
    model.breakNext(1);
    await say(user, 'What is the time?');
    await eventually(
      () =>
        expect(summary(user)).toEqual([
          { status: 'incomplete', content: expect.any(String) },
          { status: 'complete', content: saidTo('What is the time?') },
        ]),
      PATIENCE,
    );
    expect(askedAbout('What is the time?')).toHaveLength(2);
  });

  it('names what the model refuses for good, and tries the session again later', async () => {
    const user = await userSocket(aUser());
    const agent = start({ TRY_AGAIN_AFTER_MS: '500' });
    model.refuseNext(401);
    await say(user, 'Do you know me?');
    await said(agent, 'the model answered 401, and will again: see');
    await said(agent, 'tried again in 0.5 s');
    const whole = { status: 'complete', content: saidTo('Do you know me?') };
    await eventually(() => expect(summary(user)).toEqual([whole]), PATIENCE);
    expect(askedAbout('Do you know me?')).toHaveLength(2);
  });

  it('begins anew when the server has given its answer up', async () => {
    const user = await userSocket(aUser());
    start();
    model.hold();
    await say(user, 'Take your time.');
    await eventually(() => expect(summary(user)).toMatchObject([{ status: 'incomplete' }]), PATIENCE);
    model.release();
    const whole = { status: 'complete', content: saidTo('Take your time.') };
    await eventually(() => expect(summary(user)).toMatchObject([{ status: 'incomplete' }, whole]), PATIENCE);
    expect(askedAbout('Take your time.')).toHaveLength(2);
  });

  it('three of them give each of ten users one answer', async () => {
    start();
    start();
    start();
    const users = await Promise.all(Array.from({ length: 10 }, () => userSocket(aUser())));
    await Promise.all(users.map((user, i) => say(user, `Question ${i}`)));
    await eventually(
      () =>
        expect(users.map(summary)).toEqual(
          users.map((_, i) => [{ status: 'complete', content: saidTo(`Question ${i}`) }]),
        ),
      PATIENCE,
    );
    expect(users.map((_, i) => askedAbout(`Question ${i}`).length)).toEqual(users.map(() => 1));
  });

  /** A text that is not saved is lost with its server; and the slowest machine is back before an answer is given up. */
  const FORGETFUL = { STREAM_TIMEOUT_MS: '60000', STREAM_SAVE_MS: '10000' };

  it.each(['middle', 'end'] as const)(
    'goes on with the same answer after its server was killed at its %s',
    async (where) => {
      await server.stop();
      server = await startAgain(FORGETFUL);
      const name = aUser();
      const user = await userSocket(name);
      const agent = start();
      model.hold(where);
      await say(user, 'Tell me a story.');
      const { id } = await streaming(user);
      const whole = { status: 'complete', content: saidTo('Tell me a story.') };
      if (where === 'end') await eventually(() => expect(piecesOf(user, id)).toBe(whole.content));
      await server.kill();
      server = await startAgain(FORGETFUL);
      const back = await connect(server.url, { api_key: KEY, platform_user_id: name, after: 0 });
      model.release();
      await eventually(() => expect(summary(back)).toEqual([whole]), PATIENCE);
      expect(askedAbout('Tell me a story.')).toHaveLength(1);
      await said(agent, 'complete: ');
    },
    60_000,
  );
});
