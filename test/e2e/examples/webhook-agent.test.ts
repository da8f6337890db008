import { randomBytes, randomUUID } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { type Api, aUser, made, received, startApi } from '../../support/api.js';
import { eventually } from '../../support/eventually.js';
import { closeSockets, connect, type Recorder } from '../../support/socket.js';
import { quietPort } from '../faults/port.js';
import { killExamples, said, startExample } from './example.js';

let api: Api;
beforeAll(async () => {
  api = await startApi({ WEBHOOK_ALLOW_PRIVATE_TARGETS: 'on' });
});
afterEach(async () => {
  closeSockets();
  await killExamples();
});
afterAll(() => api?.stop());

const start = (secret: string, PORT: string) =>
  startExample('webhook-agent.mjs', {
    PARLEY_URL: api.server.url,
    PARLEY_API_KEY: api.key,
    PARLEY_WEBHOOK_SECRET: secret,
    PORT,
  });

const answersTo = (user: Recorder): string[] =>
  user
    .events('message')
    .filter(({ payload }) => payload.sender === 'assistant')
    .map(({ payload }) => payload.content);

describe('examples/webhook-agent.mjs', () => {
  it('answers each message that Parley delivers', async () => {
    const port = await quietPort();
    const { id, secret } = made(await api.post('/v1/webhooks', { url: `http://127.0.0.1:${port}/` }));
    const agent = start(secret, port);
    await said(agent, 'listening');
    made(await api.post(`/v1/webhooks/${id}/test`));
    await said(agent, 'webhook.test arrived');
    const user = await connect(api.server.url, { api_key: api.key, platform_user_id: aUser() });
    await user.command('message:receive', { message: 'one' });
    await eventually(() => expect(answersTo(user)).toEqual(['You said: one']), { timeoutMs: 10_000 });
    await agent.kill();
    await user.command('message:receive', { message: 'two' }); // delivered when it is back
    start(secret, port);
    await eventually(() => expect(answersTo(user)).toEqual(['You said: one', 'You said: two']), {
      timeoutMs: 20_000,
    });
  });

  it('writes one answer to an event that comes twice, and refuses what Parley has not signed', async () => {
    const port = await quietPort();
    const secret = `whsec_${randomBytes(24).toString('base64')}`;
    const agent = start(secret, port);
    await said(agent, 'listening');
    const user = aUser();
    const message = await received(api, user);
    const { agent_session_id } = message;
    const session = { platform_user_id: user, agent_session_id };
    const body = JSON.stringify({ type: 'message.received', data: { message, session } });
    const deliver = async (id: string, signer: Webhook) => {
      const at = new Date();
      const headers = {
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
        'webhook-signature': signer.sign(id, at, body),
      };
      return (await fetch(`http://127.0.0.1:${port}`, { method: 'POST', headers, body })).status;
    };
    const id = `evt_${randomUUID()}`;
    expect(await deliver(id, new Webhook(randomBytes(24).toString('base64')))).toBe(400);
    await said(agent, 'Is PARLEY_WEBHOOK_SECRET this');
    expect(await deliver(id, new Webhook(secret))).toBe(204);
    expect(await deliver(id, new Webhook(secret))).toBe(204);
    const answered = `answered ${agent_session_id}\n`;
    await eventually(() => expect(agent.output().split(answered)).toHaveLength(3), { timeoutMs: 10_000 });
    const { body: log } = await api.get(`/v1/messages/all?platform_user_id=${user}`);
    expect(log.messages.map((one: any) => one.payload.content)).toEqual(['Hello', 'You said: Hello']);
  });

  it('names a secret that is none', async () => {
    const agent = start('whsec_…', await quietPort());
    await said(agent, 'PARLEY_WEBHOOK_SECRET');
    expect(await agent.ended).toBe(1);
  });
});
