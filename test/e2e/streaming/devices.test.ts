import { connectAgent } from '../../support/agent.js';
import { eventually } from '../../support/eventually.js';
import { aUser, startTestNode, type TestNode } from '../../support/node.js';
import { startServer, type TestServer } from '../../support/server.js';
import { closeSockets, connect, type Recorder } from '../../support/socket.js';
import { abortStreams, openStream } from '../follow/event-stream.js';
import { joined, openStreamingRequest, type StreamingRequest } from './streaming-request.js';

const ENV = { STREAM_TIMEOUT_MS: '2000', STREAM_STOP_GRACE_MS: '1000', STREAM_SAVE_MS: '50' };
let here: TestNode;
let there: TestServer;

beforeAll(async () => {
  here = await startTestNode(ENV);
  there = await aSecondNode();
}, 60_000);
afterEach(() => {
  closeSockets();
  abortStreams();
});
afterAll(async () => {
  await there?.stop();
  await here?.stop();
});

function aSecondNode(): Promise<TestServer> {
  const env = {
    RATE_LIMIT_PER_HOUR: '0',
    USER_RATE_LIMIT_PER_HOUR: '0',
    RECONCILE_INTERVAL_MS: '50',
    ...ENV,
  };
  return startServer({ databaseUrl: here.database.url, env });
}

const deviceThere = (user: string, after?: number): Promise<Recorder> =>
  connect(there.url, { api_key: here.key, platform_user_id: user, after });

const textOf = (device: Recorder, id: string): string => joined(device.events('message:delta'), id);

/** An answer to a user that has begun to arrive at a node, with its first piece. */
async function begun(
  user: string,
  delta: string,
  url = here.url,
): Promise<{ agent: StreamingRequest; id: string }> {
  const agent = openStreamingRequest(url, here.key);
  agent.lines({ platform_user_id: user }, { delta });
  const id = await eventually(async () => {
    const { messages } = await here.ok('GET', `/v1/messages/all?platform_user_id=${user}`);
    const live = messages.find(({ status }: any) => status === 'streaming');
    expect(live).toBeDefined();
    return live.id as string;
  });
  return { agent, id };
}

describe('devices', () => {
  it('of all nodes get the same pieces and the same end, the event streams too', async () => {
    const user = aUser();
    const devices = [await here.device(user), await deviceThere(user)];
    const stream = await openStream(there.url, { platform_user_id: user }, { credential: here.key });
    await stream.nth('ready', 1);
    let text = 'It begins: ';
    const { agent, id } = await begun(user, text);
    for (let i = 0; i < 40; i++) {
      const delta = i % 10 === 9 ? `${'ä'.repeat(4_000)}${i} ` : `word${i} `;
      agent.lines({ delta });
      text += delta;
      if (i % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    }
    for (const device of devices) await eventually(() => expect(textOf(device, id)).toBe(text));
    agent.end();
    const { body } = await agent.answer;
    expect(body.payload.content).toBe(text);
    for (const device of devices) {
      expect(await device.next('message:updated')).toEqual(body);
      expect(device.events('message')).toMatchObject([{ id, status: 'streaming', payload: { content: '' } }]);
    }
    expect(await stream.nth('message:updated', 1)).toEqual(body);
    expect(joined(stream.events('message:delta'), id)).toBe(text);
  });

  it('that come late get what is there, as one piece, and then what follows', async () => {
    const user = aUser();
    const early = await here.device(user);
    const { agent, id } = await begun(user, 'so far ');
    await eventually(() => expect(textOf(early, id)).toBe('so far '));
    await eventually(async () => {
      const rows = await here.query('SELECT text FROM stream_texts');
      expect(rows.map(({ text }) => text)).toContain('so far ');
    });
    const late = [await here.device(user), await deviceThere(user), await deviceThere(user, 0)];
    for (const device of late)
      expect(await device.next('message:delta')).toMatchObject({
        message_id: id,
        offset: 0,
        delta: 'so far ',
      });
    expect(late[2]!.received.map(({ event }) => event)).toEqual([
      'message',
      'session',
      'ready',
      'message:delta',
    ]);
    agent.lines({ delta: 'so good' });
    for (const device of [early, ...late])
      await eventually(() => expect(textOf(device, id)).toBe('so far so good'));
    agent.end();
    await agent.answer;
    const after = await here.device(user);
    expect(after.events('message:delta')).toEqual([]);
  });

  it('that come while pieces fly miss none and get none twice', async () => {
    const user = aUser();
    let text = 'It begins: ';
    const { agent, id } = await begun(user, text);
    const devices: Recorder[] = [];
    const writing = (async () => {
      for (let i = 0; i < 150; i++) {
        agent.lines({ delta: `${i} ` });
        text += `${i} `;
        await new Promise((resolve) => setTimeout(resolve, 4));
      }
    })();
    for (let i = 0; i < 10; i++) devices.push(await here.device(user), await deviceThere(user));
    await writing;
    for (const device of devices) await eventually(() => expect(textOf(device, id)).toBe(text));
    agent.end();
    expect((await agent.answer).body.payload.content).toBe(text);
  });

  it('of other users and accounts hear nothing of it', async () => {
    const user = aUser();
    const other = await here.device(aUser());
    const { agent, id } = await begun(user, 'sec');
    const device = await here.device(user);
    agent.lines({ delta: 'ret' });
    await eventually(() => expect(textOf(device, id)).toBe('secret'));
    expect(other.received.map(({ event }) => event)).toEqual(['ready']);
    expect(await other.command('message:stop', { message_id: id })).toMatchObject({
      ok: false,
      error: { code: 'resource_not_found' },
    });
    agent.end();
    expect((await agent.answer).body.status).toBe('complete');
  });
});

describe('message:stop', () => {
  it.each([
    ['the same node', (user: string) => here.device(user)],
    ['another node', (user: string) => deviceThere(user)],
  ])('from a socket of %s ends the answer as cancelled, and its agent hears', async (_, connectDevice) => {
    const user = aUser();
    const device = await connectDevice(user);
    const { agent, id } = await begun(user, 'Once upon a time');
    await eventually(() => expect(textOf(device, id)).toBe('Once upon a time'));
    expect(await device.command('message:stop', { message_id: id })).toEqual({
      ok: true,
      data: { message_id: id, status: 'streaming' },
    });
    const { status, body } = await agent.answer; // though it has not ended its request
    expect([status, body.status, body.payload.content]).toEqual([201, 'cancelled', 'Once upon a time']);
    expect(await device.next('message:updated')).toEqual(body);
    expect(await device.command('message:stop', { message_id: id })).toEqual({
      ok: true,
      data: { message_id: id, status: 'cancelled' },
    });
    agent.destroy();
  });

  it('refuses what is no message of the user', async () => {
    const device = await here.device(aUser());
    for (const body of [{}, { message_id: 7 }])
      expect(await device.command('message:stop', body)).toMatchObject({
        ok: false,
        error: { code: body.message_id ? 'invalid_parameter' : 'missing_parameter' },
      });
    for (const message_id of ['x', 'msg_00000000000000000000'])
      expect(await device.command('message:stop', { message_id })).toMatchObject({
        ok: false,
        error: { code: 'resource_not_found' },
      });
  });
});

describe('a node that is killed while answers arrive', () => {
  it('leaves them incomplete, or cancelled if their user had stopped them, with the text so far', async () => {
    const user = aUser();
    const doomed = await aSecondNode();
    const device = await here.device(user);
    const { agent, id } = await begun(user, 'Half an ans', doomed.url);
    const stoppedUser = aUser();
    const stoppedDevice = await here.device(stoppedUser);
    const stopped = await begun(stoppedUser, 'Too long', doomed.url);
    await eventually(async () => {
      const texts = (await here.query('SELECT text FROM stream_texts')).map(({ text }) => text);
      expect(texts).toEqual(expect.arrayContaining(['Half an ans', 'Too long']));
    });
    await doomed.kill();
    await expect(agent.answer).rejects.toBeDefined();
    await stoppedDevice.command('message:stop', { message_id: stopped.id });
    expect(await stoppedDevice.next('message:updated')).toMatchObject({
      id: stopped.id,
      status: 'cancelled',
      payload: { content: 'Too long' },
    });
    expect(await device.next('message:updated', 10_000)).toMatchObject({
      id,
      status: 'incomplete',
      payload: { content: 'Half an ans' },
    });
    expect(await here.query('SELECT * FROM streams')).toEqual([]);
  }, 40_000);
});

it('a node that is stopped finishes what arrives', async () => {
  const user = aUser();
  const leaving = await aSecondNode();
  const { agent } = await begun(user, 'the ', leaving.url);
  const stopping = leaving.stop();
  await new Promise((resolve) => setTimeout(resolve, 300));
  agent.lines({ delta: 'end' });
  agent.end();
  expect((await agent.answer).body).toMatchObject({ status: 'complete', payload: { content: 'the end' } });
  expect(await stopping).toBe(0);
});

it('an answer that its user stops before its first word is cancelled, too', async () => {
  const user = aUser();
  const device = await here.device(user);
  const agent = await connectAgent(here.url, { api_key: here.key });
  const start = { platform_user_id: user, agent_session_id: aUser() };
  const { message_id: id } = (await agent.command('message:start', start)).data;
  await device.command('message:stop', { message_id: id });
  expect(await agent.next('message:stop')).toEqual({ message_id: id });
  expect(await device.next('message:updated')).toMatchObject({
    id,
    status: 'cancelled',
    payload: { content: '' },
  });
});
