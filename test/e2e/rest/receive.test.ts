import {
  aKey,
  anError,
  type Api,
  aToken,
  aUser,
  received,
  startApi,
  TIME,
  total,
} from '../../support/api.js';

let api: Api;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api?.stop());

const receive = (body: unknown, options = {}) => api.post('/v1/message/receive', body, options);

describe('POST /v1/message/receive', () => {
  it('answers 201 with the whole message, and nothing else', async () => {
    const user = aUser();
    const { status, body } = await receive({ platform_user_id: user, message: 'Where is my order?' });
    expect(status).toBe(201);
    expect(body).toEqual({
      id: expect.stringMatching(/^msg_[0-9a-z]{20}$/),
      platform_user_id: user,
      agent_session_id: expect.stringMatching(/^ses_/),
      seq: 1,
      updated_seq: 1,
      payload: { content: 'Where is my order?', sender: 'user', attachments: [] },
      metadata: {},
      status: 'complete',
      read: false,
      read_at: null,
      created_at: expect.stringMatching(TIME),
      updated_at: body.created_at,
    });
    expect(Math.abs(Date.parse(body.created_at) - Date.now())).toBeLessThan(60_000);
  });

  it('takes a message as an object, and keeps its extra fields and its attachments as they came', async () => {
    const payload = {
      content: 'See the picture',
      attachments: [
        {
          name: 'invoice.pdf',
          url: 'https://files.example.com/invoice.pdf',
          description: 'The invoice',
          type: 'application/pdf',
          size: 48213,
          page: 2,
        },
      ],
      mood: { level: 3, tags: ['a', null, false], constructor: 'kept', toString: 1, then: 'kept' },
    };
    const metadata = { order: 'A-1042', constructor: { valueOf: 1 }, hasOwnProperty: null };
    const message = await received(api, aUser(), { message: { payload }, metadata });
    expect(message.payload).toEqual({ ...payload, sender: 'user' });
    expect(message.metadata).toEqual(metadata);
    expect(await stored(message)).toEqual(message);
  });

  it('keeps every text that Unicode and JSON can hold', async () => {
    const texts = [
      ' leading and trailing ',
      'line\r\nline\ttab\u0007',
      '😀 e\u0301 \u202E \uFEFF \uFFFF',
      '"\\\'; DROP',
    ];
    for (const content of texts) {
      const message = await received(api, aUser(), { message: content });
      expect((await stored(message)).payload.content).toBe(content);
    }
  });

  it('allows an empty text only beside an attachment', async () => {
    const user = aUser();
    const attachments = [{ name: 'photo.jpg', url: 'https://files.example.com/photo.jpg' }];
    await received(api, user, { message: { payload: { content: '', attachments } } });
    for (const message of ['', { payload: { content: '' } }, { payload: { content: '', attachments: [] } }])
      expect(await receive({ platform_user_id: user, message })).toMatchObject(
        anError(422, 'invalid_parameter', ['message.payload.content']),
      );
    expect(await total(api, user)).toBe(1);
  });

  it('numbers the messages of one platform user 1, 2, 3, and those of another one from 1 again', async () => {
    const [user, other] = [aUser(), aUser()];
    const seqs = [];
    for (let i = 0; i < 3; i++) seqs.push((await received(api, user)).seq);
    expect(seqs).toEqual([1, 2, 3]);
    expect((await received(api, other)).seq).toBe(1);
  });

  it('gives 40 messages at once 40 positions without a gap', async () => {
    const user = aUser();
    const messages = await Promise.all(Array.from({ length: 40 }, () => received(api, user)));
    const seqs = messages.map(({ seq }) => seq).sort((a, b) => a - b);
    expect(seqs).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
    expect(new Set(messages.map(({ agent_session_id }) => agent_session_id)).size).toBe(1);
  });

  it('takes null for absence', async () => {
    const nothing = { agent_session_id: null, client_message_id: null, metadata: null };
    const message = { payload: { content: 'x', sender: null, attachments: null, extra: null } };
    expect(await received(api, aUser(), { message, ...nothing })).toMatchObject({
      payload: { content: 'x', sender: 'user', attachments: [], extra: null },
      metadata: {},
    });
    expect(await receive({ platform_user_id: null, message: 'x' })).toMatchObject(
      anError(422, 'missing_parameter', ['platform_user_id']),
    );
  });

  it('refuses a sender other than the user', async () => {
    for (const sender of ['assistant', 'system'])
      expect(
        await receive({ platform_user_id: aUser(), message: { payload: { content: 'x', sender } } }),
      ).toMatchObject(anError(422, 'invalid_parameter', ['message.payload.sender']));
  });

  it('needs the scope user', async () => {
    const body = { platform_user_id: aUser(), message: 'x' };
    const { key } = await aKey(api, { scopes: ['agent', 'admin'] });
    expect(await receive(body, { key })).toMatchObject(anError(403, 'insufficient_permissions'));
    const { key: userKey } = await aKey(api, { scopes: ['user'] });
    expect((await receive(body, { key: userKey })).status).toBe(201);
  });

  it('knows the platform user of a user token, which need not name it', async () => {
    const user = aUser();
    const key = await aToken(api, user);
    const { status, body } = await receive({ message: 'x' }, { key });
    expect([status, body.platform_user_id]).toEqual([201, user]);
    expect((await receive({ platform_user_id: user, message: 'x' }, { key })).status).toBe(201);
    expect(await receive({ platform_user_id: aUser(), message: 'x' }, { key })).toMatchObject(
      anError(403, 'insufficient_permissions'),
    );
  });
});

async function stored({ platform_user_id, seq }: { platform_user_id: string; seq: number }): Promise<any> {
  const query = `platform_user_id=${platform_user_id}&after=${seq - 1}&limit=1`;
  return (await api.get(`/v1/messages/all?${query}`)).body.messages[0];
}
