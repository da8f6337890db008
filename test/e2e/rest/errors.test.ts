import { ERRORS, type ErrorCode } from '../../../src/kernel/errors.js';
import { aKey, anError, type Api, type Answer, aToken, aUser, made, startApi } from '../../support/api.js';
import { eventually } from '../../support/eventually.js';

let api: Api;
beforeAll(async () => {
  api = await startApi({ MAX_BODY_BYTES: '2048' });
});
afterAll(() => api?.stop());

const receive = (body: unknown, options = {}) => api.post('/v1/message/receive', body, options);
const list = (key: string) => api.get('/v1/messages/all?platform_user_id=u', { key });

const tooLarge = () => receive({ platform_user_id: 'u', message: 'x'.repeat(2048) });

/** How to bring about each code of the table. What is missing here is in tests of its own, named beside it. */
const PROVOKED: Record<Exclude<ErrorCode, NeedsMore>, () => Promise<Answer>> = {
  invalid_request: () => receive('{'),
  missing_api_key: () => receive({ platform_user_id: 'u', message: 'x' }, { key: null }),
  invalid_api_key: () => list('parley_0000000000000000000000000000000000000000000'),
  expired_api_key: async () => until(401, list, (await aKey(api, { expires_in: 1 })).key),
  invalid_token: () => list('eyJhbGciOiJub25lIn0.e30.'),
  expired_token: async () =>
    until(401, (key) => api.get('/v1/messages/all', { key }), await aToken(api, 'u', 1)),
  insufficient_permissions: async () => list((await aKey(api, { scopes: ['admin'] })).key),
  resource_not_found: () => api.get('/v1/sessions/nowhere'),
  resource_conflict: async () => {
    const session = { platform_user_id: aUser(), agent_session_id: aUser() };
    made(await api.post('/v1/sessions', session));
    return api.post('/v1/sessions', session);
  },
  missing_parameter: () => receive({}),
  invalid_parameter: () => receive({ platform_user_id: 5, message: 'x' }),
};

/** rate-limit.test.ts; outage.test.ts; and nothing a client sends may bring about an internal_error. */
type NeedsMore = 'rate_limit_exceeded' | 'service_unavailable' | 'internal_error';

async function until(status: number, call: (key: string) => Promise<Answer>, key: string): Promise<Answer> {
  return eventually(async () => {
    const answer = await call(key);
    expect(answer.status).toBe(status);
    return answer;
  });
}

describe('every error', () => {
  const provoked = Object.entries(PROVOKED).map(
    ([code, provoke]) => [ERRORS[code as ErrorCode].status, code, provoke] as const,
  );

  it.each([...provoked, [413, 'invalid_request', tooLarge] as const])(
    '%i %s has the status of the table and the contract’s shape',
    async (expected, code, provoke) => {
      const { status, headers, body } = await provoke();
      expect(status).toBe(expected);
      expect(body).toEqual({
        error: { code, message: expect.any(String), details: expect.any(Object) },
        detail: body.error.message,
      });
      expect(headers.get('content-type')).toMatch(/^application\/json/);
      expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    },
  );

  it('of a parameter names every field that is wrong', async () => {
    const body = {
      platform_user_id: '',
      message: { payload: { content: 5, attachments: [{ url: 'x' }] } },
      extra: 1,
    };
    const answer = await receive(body);
    expect(answer).toMatchObject(
      anError(422, 'invalid_parameter', [
        'platform_user_id',
        'message.payload.content',
        'message.payload.attachments.0.name',
        'message.payload.attachments.0.url',
        'extra',
      ]),
    );
    for (const [field, problems] of Object.entries(
      answer.body.error.details.fields as Record<string, string[]>,
    ))
      for (const problem of problems) expect(problem.startsWith(`${field} `)).toBe(true);
  });

  it('of what is missing only says missing_parameter', async () => {
    expect(await receive({ message: {} })).toMatchObject(
      anError(422, 'missing_parameter', ['message.payload']),
    );
    expect(await receive({ message: 'x' })).toMatchObject(
      anError(422, 'missing_parameter', ['platform_user_id']),
    );
    expect(await api.post('/v1/tokens', {})).toMatchObject(
      anError(422, 'missing_parameter', ['platform_user_id']),
    );
  });

  it('of a body that is too large says so', async () => {
    const { status, body } = await tooLarge();
    expect([status, body.error]).toEqual([
      413,
      { code: 'invalid_request', message: 'The request body is too large.', details: {} },
    ]);
  });

  it('without a credential says how to send one', async () => {
    const { body } = await api.post('/v1/message/send', {}, { key: null });
    expect(body.error.message).toContain('Authorization: Bearer');
  });
});

describe('an unknown route', () => {
  it('is named, without its query, at a sane length', async () => {
    const long = `/v1/${'x'.repeat(5000)}`;
    const said = async (answer: Promise<{ status: number; body: any }>) => {
      const { status, body } = await answer;
      return [status, body.error?.code, body.error?.message];
    };
    const unknown = (what: string) => [
      404,
      'resource_not_found',
      `There is no ${what}; /docs lists what there is.`,
    ];
    expect(await said(api.post('/v1/mesage/send?secret=x', {}))).toEqual(unknown('POST /v1/mesage/send'));
    expect(await said(api.get('/api/v1/nowhere'))).toEqual(unknown('GET /api/v1/nowhere'));
    expect(await said(api.get('/v1/%zz'))).toEqual(unknown('GET /v1/%zz'));
    expect(await said(api.get(long))).toEqual(unknown(`GET ${long.slice(0, 200)}…`));
  });
});

describe('a credential', () => {
  it('that is empty is said to be empty', async () => {
    const { body } = await api.get('/v1/api-keys', { key: null, headers: { authorization: 'Bearer ' } });
    expect(body.error).toMatchObject({
      code: 'invalid_api_key',
      message: expect.stringContaining('empty key'),
    });
  });

  it('is a bearer token, nothing else', async () => {
    for (const authorization of [
      'Basic dTpw',
      'Bearer',
      'Bearer  ',
      `Token ${api.key}`,
      `Bearer ${api.key} x`,
      api.key,
    ])
      expect(await api.get('/v1/api-keys', { key: null, headers: { authorization } })).toMatchObject(
        anError(401, 'invalid_api_key'),
      );
    for (const scheme of ['bearer', 'BEARER', 'Bearer '])
      expect(
        (await api.get('/v1/api-keys', { key: null, headers: { authorization: `${scheme} ${api.key}` } }))
          .status,
      ).toBe(200);
  });

  it('is the whole key', async () => {
    for (const key of [
      api.key.slice(0, -1),
      `${api.key}x`,
      api.key.toUpperCase(),
      'x'.repeat(8000),
      'schlüssel',
      '%00',
    ])
      expect(await api.get('/v1/api-keys', { key })).toMatchObject(anError(401, 'invalid_api_key'));
  });

  it('is asked for before a body is judged, and before a resource is looked for', async () => {
    expect(await receive('{', { key: null })).toMatchObject(anError(401, 'missing_api_key'));
    expect(await receive({ nonsense: 1 }, { key: null })).toMatchObject(anError(401, 'missing_api_key'));
    expect(await api.get('/v1/sessions/nowhere', { key: null })).toMatchObject(
      anError(401, 'missing_api_key'),
    );
  });
});

describe('X-Request-Id', () => {
  it('is the caller’s own, if it is one that can go to a log', async () => {
    for (const id of ['my-request:1', 'A.b_c', 'x'.repeat(128)])
      for (const path of ['/v1/api-keys', '/v1/nowhere', '/health/live'])
        expect((await api.get(path, { headers: { 'X-Request-Id': id } })).headers.get('x-request-id')).toBe(
          id,
        );
  });

  it('is a new one otherwise', async () => {
    for (const id of ['', 'x'.repeat(129), 'a b', 'ü', '<script>', '{"a":1}']) {
      const { headers } = await api.get('/v1/api-keys', { headers: { 'X-Request-Id': id } });
      expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  it('is another one for each request', async () => {
    const ids = await Promise.all(
      Array.from({ length: 5 }, async () => (await api.get('/health/live')).headers.get('x-request-id')),
    );
    expect(new Set(ids).size).toBe(5);
  });
});

describe('what no call answers', () => {
  it.each([
    '/v1',
    '/v1/',
    '/v2/messages/all',
    '/v1/message',
    '/v1/messages/',
    '/v1/%zz',
    '/%',
    '/v1/%C0%80',
    '/v1/%ED%A0%80/x',
  ])('%s is 404', async (path) => {
    expect(await api.get(path)).toMatchObject(anError(404, 'resource_not_found'));
  });

  it('a method that a path does not have is 404', async () => {
    for (const answer of [
      await api.get('/v1/message/receive'),
      await api.put('/v1/sessions', {}),
      await api.delete('/v1/sessions/x'),
      await api.post('/v1/messages/all', {}),
    ])
      expect(answer).toMatchObject(anError(404, 'resource_not_found'));
  });
});
