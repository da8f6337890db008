import {
  aKey,
  anError,
  type Api,
  aToken,
  aUser,
  received,
  sent,
  startApi,
  TIME,
  total,
} from '../../support/api.js';

let api: Api;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api?.stop());

const send = (body: unknown, options = {}) => api.post('/v1/message/send', body, options);

describe('POST /v1/message/send', () => {
  it('answers the published example with 201 and the message, in the session of its choice', async () => {
    const body = {
      platform_user_id: 'user123',
      message: {
        payload: { content: 'How can I help you today?', sender: 'assistant', attachments: [] },
        agent_session_id: 'session123',
        metadata: { model: 'm1' },
      },
    };
    expect(await send(body)).toMatchObject({
      status: 201,
      body: {
        id: expect.stringMatching(/^msg_/),
        platform_user_id: 'user123',
        agent_session_id: 'session123',
        seq: 1,
        updated_seq: 1,
        payload: { content: 'How can I help you today?', sender: 'assistant', attachments: [] },
        metadata: { model: 'm1' },
        status: 'complete',
        read: false,
        read_at: null,
        created_at: expect.stringMatching(TIME),
      },
    });
  });

  it('takes the sender to be the assistant, and allows system', async () => {
    const user = aUser();
    expect((await sent(api, user)).payload.sender).toBe('assistant');
    expect((await sent(api, user, { payload: { content: 'x', sender: 'system' } })).payload.sender).toBe(
      'system',
    );
  });

  it('refuses to speak for the user', async () => {
    const user = aUser();
    const message = { payload: { content: 'x', sender: 'user' } };
    expect(await send({ platform_user_id: user, message })).toMatchObject(
      anError(422, 'invalid_parameter', ['message.payload.sender']),
    );
    expect(await total(api, user)).toBe(0);
  });

  it('answers in the session that the user spoke in last', async () => {
    const user = aUser();
    await received(api, user, { agent_session_id: `${user}-a` });
    await received(api, user, { agent_session_id: `${user}-b` });
    expect((await sent(api, user)).agent_session_id).toBe(`${user}-b`);
  });

  it('needs the scope agent, which no user token has, not even for its own user', async () => {
    const user = aUser();
    const body = { platform_user_id: user, message: { payload: { content: 'x' } } };
    const { key } = await aKey(api, { scopes: ['user', 'admin'] });
    expect(await send(body, { key })).toMatchObject(anError(403, 'insufficient_permissions'));
    expect(await send(body, { key: await aToken(api, user) })).toMatchObject(
      anError(403, 'insufficient_permissions'),
    );
    const { key: agent } = await aKey(api, { scopes: ['agent'] });
    expect((await send(body, { key: agent })).status).toBe(201);
    expect(await total(api, user)).toBe(1);
  });

  it('has the session and metadata inside the message, nowhere else', async () => {
    const message = { payload: { content: 'x' } };
    for (const field of ['agent_session_id', 'metadata'])
      expect(await send({ platform_user_id: aUser(), message, [field]: {} })).toMatchObject(
        anError(422, 'invalid_parameter', [field]),
      );
  });
});
