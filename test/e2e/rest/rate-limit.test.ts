import {
  aKey,
  anError,
  type Answer,
  type Api,
  aToken,
  aUser,
  made,
  startApi,
  total,
} from '../../support/api.js';

const HOUR = 3600;

let api: Api;
beforeAll(async () => {
  api = await startApi({ RATE_LIMIT_PER_HOUR: '', USER_RATE_LIMIT_PER_HOUR: '4', MAX_BODY_BYTES: '2048' });
});
afterAll(() => api?.stop());

const limitOf = ({ headers }: Answer) => ({
  limit: headers.get('x-ratelimit-limit'),
  remaining: headers.get('x-ratelimit-remaining'),
});
const names = [
  'x-ratelimit-limit',
  'x-ratelimit-remaining',
  'x-ratelimit-reset',
  'ratelimit-policy',
  'ratelimit',
];

/** Sends until the budget is gone, and gives what was answered then. */
async function exhaust(send: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    const answer = await send();
    if (answer.status === 429) return answer;
    const rest = Number(limitOf(answer).remaining);
    await Promise.all(Array.from({ length: Math.min(rest, 50) }, send));
  }
}

describe('the budget of an API key', () => {
  it('is 300 requests over all endpoints, whatever they answer; the 301st is 429', async () => {
    const { key } = await aKey(api);
    const user = aUser();
    const calls: (() => Promise<Answer>)[] = [
      () => api.post('/v1/message/receive', { platform_user_id: user, message: 'x' }, { key }),
      () => api.get(`/v1/messages/all?platform_user_id=${user}`, { key }),
      () => api.get('/v1/api-keys', { key }),
      () => api.get('/v1/sessions/nowhere', { key }),
      () => api.post('/v1/message/send', { nonsense: 1 }, { key }),
      () => api.post('/v1/tokens', '{', { key }),
    ];
    for (let i = 1; i <= 300; i++) {
      const answer = await (calls[i % calls.length] as () => Promise<Answer>)();
      expect(answer.status).not.toBe(429);
      expect(limitOf(answer)).toEqual({ limit: '300', remaining: String(300 - i) });
    }
    const refused = await (calls[0] as () => Promise<Answer>)();
    expect(refused).toMatchObject(anError(429, 'rate_limit_exceeded'));
    expect(limitOf(refused)).toEqual({ limit: '300', remaining: '0' });
    const retryAfter = Number(refused.headers.get('retry-after'));
    expect(retryAfter).toBeGreaterThan(HOUR - 120);
    expect(retryAfter).toBeLessThanOrEqual(HOUR);
    for (const call of calls) expect((await call()).status).toBe(429);
    expect(await total(api, user)).toBe(50);
  });

  it('is another one for each key', async () => {
    const [one, other] = [await aKey(api, { rate_limit_per_hour: 2 }), await aKey(api)];
    await exhaust(() => api.get('/v1/api-keys', one));
    expect(limitOf(await api.get('/v1/api-keys', other))).toEqual({ limit: '300', remaining: '299' });
  });

  it('can be set for each key', async () => {
    const { key } = await aKey(api, { rate_limit_per_hour: 3 });
    const statuses = [];
    for (let i = 0; i < 5; i++) statuses.push((await api.get('/v1/api-keys', { key })).status);
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
    const { key: generous } = await aKey(api, { rate_limit_per_hour: 1_000_000 });
    expect(limitOf(await api.get('/v1/api-keys', { key: generous }))).toEqual({
      limit: '1000000',
      remaining: '999999',
    });
  });

  it('can be none: then there are no headers', async () => {
    const { key } = await aKey(api, { rate_limit_per_hour: 0 });
    const answers = await Promise.all(Array.from({ length: 310 }, () => api.get('/v1/sessions/x', { key })));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([404]));
    for (const name of names) expect(answers[0]?.headers.has(name)).toBe(false);
  });

  it('lets exactly its number through when all come at once', async () => {
    const { key } = await aKey(api, { rate_limit_per_hour: 10 });
    const answers = await Promise.all(Array.from({ length: 40 }, () => api.get('/v1/api-keys', { key })));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(10);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(30);
  });

  it('is the same under /api/v1', async () => {
    const { key } = await aKey(api, { rate_limit_per_hour: 2 });
    const statuses = [];
    for (const prefix of ['/v1', '/api/v1', '/v1', '/api/v1'])
      statuses.push((await api.get(`${prefix}/api-keys`, { key })).status);
    expect(statuses).toEqual([200, 200, 429, 429]);
  });
});

describe('the budget of a platform user', () => {
  it('is shared by all its tokens, and is no one else’s', async () => {
    const [user, other] = [aUser(), aUser()];
    const tokens = [await aToken(api, user), await aToken(api, user)];
    const { key } = await aKey(api);
    await api.get('/v1/api-keys', { key });
    const statuses = [];
    for (let i = 0; i < 6; i++)
      statuses.push((await api.get('/v1/messages/all', { key: tokens[i % 2] })).status);
    expect(statuses).toEqual([200, 200, 200, 200, 429, 429]);
    const theirs = await api.get('/v1/messages/all', { key: await aToken(api, other) });
    expect(limitOf(theirs)).toEqual({ limit: '4', remaining: '3' });
    expect(limitOf(await api.get('/v1/api-keys', { key }))).toEqual({ limit: '300', remaining: '298' });
    expect((await api.get(`/v1/messages/all?platform_user_id=${user}`, { key })).status).toBe(200);
  });
});

describe('the headers', () => {
  it('say how much is left, and when it is whole again', async () => {
    const { key } = await aKey(api, { rate_limit_per_hour: 5 });
    const { headers } = await api.get('/v1/api-keys', { key });
    const now = Math.floor(Date.now() / 1000);
    const reset = Number(headers.get('x-ratelimit-reset'));
    expect(reset).toBeGreaterThan(now + HOUR - 60);
    expect(reset).toBeLessThanOrEqual(now + HOUR + 1);
    expect(headers.get('ratelimit-policy')).toBe(`"default";q=5;w=${HOUR}`);
    const [, rest, seconds] = /^"default";r=(\d+);t=(\d+)$/.exec(headers.get('ratelimit') ?? '') ?? [];
    expect(rest).toBe('4');
    expect(Number(seconds)).toBeGreaterThan(HOUR - 60);
  });

  it('are on every answer', async () => {
    const { key } = await aKey(api, { scopes: ['user'] });
    const user = aUser();
    const body = { platform_user_id: user, agent_session_id: user };
    const answers = [
      await api.post('/v1/sessions', body, { key }),
      await api.get('/v1/sessions/x', { key: null }),
      await api.get('/v1/sessions/x', { key: 'nonsense' }),
      await api.get('/v1/nowhere', { key }),
      await api.get('/v1/%zz', { key }),
      await api.get('/v1/sessions/x', { key }),
      await api.post('/v1/sessions', body, { key }),
      await api.post('/v1/message/send', body, { key }),
      await api.post('/v1/message/receive', '{', { key }),
      await api.post('/v1/message/receive', 'x', { key, headers: { 'content-type': 'rubbish' } }),
      await api.post('/v1/message/receive', {}, { key }),
      await api.post('/v1/message/receive', { platform_user_id: user, message: 'x'.repeat(3000) }, { key }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([
      201, 401, 401, 404, 404, 404, 409, 403, 400, 400, 422, 413,
    ]);
    for (const { headers, status } of answers)
      for (const name of names) expect([status, name, headers.has(name)]).toEqual([status, name, true]);
  });
});

describe('an address without a credential', () => {
  // The last test: the address is that of all others, too.
  it('has a budget of its own, which does not touch what is public or has a key', async () => {
    const refused = await exhaust(() => api.get('/v1/api-keys', { key: 'nonsense' }));
    expect(refused).toMatchObject(anError(429, 'rate_limit_exceeded'));
    expect(limitOf(refused)).toEqual({ limit: '300', remaining: '0' });
    expect(refused.headers.has('retry-after')).toBe(true);
    expect((await api.get('/v1/nowhere', { key: null })).status).toBe(429);
    // Nobody is believed about an address unless TRUST_PROXY says so.
    const headers = { 'X-Forwarded-For': '203.0.113.7', Forwarded: 'for=203.0.113.7' };
    expect((await api.get('/v1/api-keys', { key: null, headers })).status).toBe(429);
    for (const path of [
      '/health/live',
      '/health/ready',
      '/metrics',
      '/docs',
      '/openapi.json',
      '/asyncapi.json',
    ]) {
      const answer = await api.get(path, { key: null });
      expect([path, answer.status]).toEqual([path, 200]);
      for (const name of names) expect(answer.headers.has(name)).toBe(false);
    }
    made(await api.get('/v1/api-keys'));
    made(await api.get('/v1/messages/all', { key: await aToken(api, aUser()) }));
  });
});
