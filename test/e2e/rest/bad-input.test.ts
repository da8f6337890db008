import { anError, type Api, aUser, startApi, total } from '../../support/api.js';

let api: Api;
let user: string;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api?.stop());
beforeEach(() => (user = aUser()));
// Nothing of what was refused may be half-written.
afterEach(async () => {
  const sessions = (await api.get(`/v1/sessions?platform_user_id=${user}`)).body.sessions;
  expect([await total(api, user), sessions]).toEqual([0, []]);
});

const receive = (body: unknown, headers = {}) => api.post('/v1/message/receive', body, { headers });

describe('a body that is not a JSON object', () => {
  it.each([
    ['broken', '{"platform_user_id":'],
    ['with something after it', '{} {}'],
    ['with a byte order mark', '\uFEFF{}'],
    ['of single quotes', "{'platform_user_id':'x'}"],
    ['with NaN', '{"platform_user_id":NaN}'],
    ['of control characters', '\u0000\u0001'],
    ['empty', ''],
    ['of blanks', ' \n '],
    ['a list', '[{"platform_user_id":"u","message":"x"}]'],
    ['a text', '"x"'],
    ['a number', '5'],
    ['true', 'true'],
  ])('%s is 400', async (_, body) => {
    expect(await receive(body)).toMatchObject(anError(400, 'invalid_request'));
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'rubbish',
    'application/jsonp',
  ])('of content type %s is 400', async (type) => {
    const body = JSON.stringify({ platform_user_id: user, message: 'x' });
    expect(await receive(body, { 'content-type': type })).toMatchObject(anError(400, 'invalid_request'));
  });

  it('that is compressed, though it says so, is 400', async () => {
    expect(await receive('\u001f\u008b\u0008', { 'content-encoding': 'gzip' })).toMatchObject(
      anError(400, 'invalid_request'),
    );
  });

  it('that is not there names what is missing', async () => {
    expect(await api.post('/v1/message/receive')).toMatchObject(
      anError(422, 'missing_parameter', ['message']),
    );
  });

  it('is fine with a charset, or as another kind of JSON', async () => {
    for (const type of ['application/json; charset=utf-8', 'APPLICATION/JSON', 'application/problem+json']) {
      const answer = await receive(JSON.stringify({ platform_user_id: user, message: 'x' }), {
        'content-type': type,
      });
      expect(answer.status).toBe(201);
      user = aUser();
    }
  });
});

describe('an id of the caller’s choice', () => {
  const BAD = [
    '',
    'x'.repeat(256),
    5,
    true,
    {},
    ['x'],
    'a\nb',
    'a\u007fb',
    'a\u0085b',
    '\u0000',
    'a\u0000b',
    '\ud800',
    'x\udfff',
  ];
  const message = { payload: { content: 'x' } };
  const places: [string, string, string, (value: unknown) => object][] = [
    ['platform_user_id', 'POST', 'message/receive', (value) => ({ platform_user_id: value, message: 'x' })],
    [
      'agent_session_id',
      'POST',
      'message/receive',
      (value) => ({ platform_user_id: user, message: 'x', agent_session_id: value }),
    ],
    ['platform_user_id', 'POST', 'message/send', (value) => ({ platform_user_id: value, message })],
    [
      'message.agent_session_id',
      'POST',
      'message/send',
      (value) => ({ platform_user_id: user, message: { ...message, agent_session_id: value } }),
    ],
    [
      'client_message_id',
      'POST',
      'message/send',
      (value) => ({ platform_user_id: user, message, client_message_id: value }),
    ],
    ['user_id', 'POST', 'messages/send', (value) => ({ user_id: value, content: 'x' })],
    ['platform_user_id', 'POST', 'messages/read', (value) => ({ platform_user_id: value, up_to_seq: 1 })],
    ['platform_user_id', 'POST', 'sessions', (value) => ({ platform_user_id: value })],
    ['agent_id', 'POST', 'sessions', (value) => ({ platform_user_id: user, agent_id: value })],
    ['platform_user_id', 'POST', 'tokens', (value) => ({ platform_user_id: value })],
    ['platform_user_id', 'POST', 'tokens/revoke', (value) => ({ platform_user_id: value })],
  ];

  it.each(places)('%s of %s %s', async (field, _, path, body) => {
    for (const value of BAD)
      expect(await api.post(`/v1/${path}`, body(value))).toMatchObject(
        anError(422, 'invalid_parameter', [field]),
      );
  });

  it('in a query string is judged the same', async () => {
    const lists = ['messages/all', 'messages/unread', 'sessions'].map((path) => [path, 'platform_user_id']);
    for (const [path, name] of [...lists, ['messages', 'user_id']] as [string, string][])
      for (const value of ['', 'x'.repeat(256), '%00', 'a%00b', '%0A', `a&${name}=b`])
        expect(await api.get(`/v1/${path}?${name}=${value}`)).toMatchObject(
          anError(422, 'invalid_parameter', [name]),
        );
    expect(await api.get(`/v1/messages/all?platform_user_id=${user}&agent_session_id=%00`)).toMatchObject(
      anError(422, 'invalid_parameter', ['agent_session_id']),
    );
  });

  it('in a path names nothing', async () => {
    for (const id of [
      '%00',
      'a%00b',
      '%0A',
      '%ZZ',
      '%',
      '%C3%28',
      '%ED%A0%80',
      '..%2f..%2fetc',
      'x'.repeat(4000),
    ])
      for (const answer of [
        await api.get(`/v1/sessions/${id}`),
        await api.get(`/v1/sessions/${id}/messages`),
        await api.patch(`/v1/sessions/${id}`, { title: 'x' }),
        await api.patch(`/v1/messages/${id}`, { content: 'x' }),
        await api.delete(`/v1/messages/${id}`),
        await api.put(`/v1/messages/${id}/read`),
        await api.post(`/v1/api-keys/${id}/revoke`),
      ])
        expect(answer).toMatchObject(anError(404, 'resource_not_found'));
  });
});

describe('a parameter that comes twice', () => {
  it('in a query string is refused', async () => {
    for (const query of [
      'limit=1&limit=2',
      'after=0&after=1',
      'order=asc&order=desc',
      'agent_session_id=a&agent_session_id=b',
    ])
      expect(await api.get(`/v1/messages/all?platform_user_id=${user}&${query}`)).toMatchObject(
        anError(422, 'invalid_parameter', [query.split('=')[0] as string]),
      );
  });
});

describe('a message', () => {
  it.each([
    ['a number', 5, 'message'],
    ['a list', [], 'message'],
    ['without a payload', { content: 'x' }, 'message.content'],
    ['with a payload that is a text', { payload: 'x' }, 'message.payload'],
    ['with a payload that is a list', { payload: [{ content: 'x' }] }, 'message.payload'],
    ['with a content that is a number', { payload: { content: 5 } }, 'message.payload.content'],
    ['with a content that is an object', { payload: { content: {} } }, 'message.payload.content'],
    ['with an unknown sender', { payload: { content: 'x', sender: 'robot' } }, 'message.payload.sender'],
    [
      'with attachments that are no list',
      { payload: { content: 'x', attachments: {} } },
      'message.payload.attachments',
    ],
    [
      'with attachments that pretend',
      { payload: { content: 'x', attachments: { length: 1 } } },
      'message.payload.attachments',
    ],
    [
      'with null for an attachment',
      { payload: { content: 'x', attachments: [null] } },
      'message.payload.attachments',
    ],
    [
      'with a list for an attachment',
      { payload: { content: 'x', attachments: [[]] } },
      'message.payload.attachments',
    ],
    [
      'with 51 attachments',
      { payload: { content: 'x', attachments: Array(51).fill({ name: 'a', url: 'https://a.example/' }) } },
      'message.payload.attachments',
    ],
    [
      'with an attachment that is a script',
      attachment({ url: 'javascript:alert(1)' }),
      'message.payload.attachments.0.url',
    ],
    [
      'with an attachment that is inline',
      attachment({ url: 'data:text/html,x' }),
      'message.payload.attachments.0.url',
    ],
    ['with an attachment of a negative size', attachment({ size: -1 }), 'message.payload.attachments.0.size'],
    ['with an attachment without a name', attachment({ name: '' }), 'message.payload.attachments.0.name'],
    ['with a long name', attachment({ name: 'x'.repeat(1001) }), 'message.payload.attachments.0.name'],
    ['with an unknown field', { payload: { content: 'x' }, session: 'x' }, 'message.session'],
  ])('%s is refused by name', async (_, message, field) => {
    const answer = await receive({ platform_user_id: user, message });
    expect(answer).toMatchObject(anError(422, 'invalid_parameter', []));
    expect(answer.body.error.details.fields).toHaveProperty([field]);
  });

  it('without a content says what is missing', async () => {
    expect(await receive({ platform_user_id: user, message: { payload: {} } })).toMatchObject(
      anError(422, 'missing_parameter', ['message.payload.content']),
    );
  });

  it.each(['nonsense', 'constructor', 'toString', 'hasOwnProperty', 'then', 'length', 'id', 'seq'])(
    'beside an unknown field %s is refused by name',
    async (field) => {
      expect(await receive(`{"platform_user_id":"${user}","message":"x","${field}":1}`)).toMatchObject(
        anError(422, 'invalid_parameter', [field]),
      );
    },
  );
});

function attachment(more: object): object {
  return { payload: { content: 'x', attachments: [{ name: 'a', url: 'https://a.example/', ...more }] } };
}
