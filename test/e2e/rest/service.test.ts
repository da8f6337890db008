import { anError, type Api, startApi } from '../../support/api.js';

const TOKEN = 'metrics-token-0123456789';

let api: Api;
beforeAll(async () => {
  api = await startApi({
    METRICS_TOKEN: TOKEN,
    CORS_ORIGINS: 'https://app.example.com,https://b.example.com',
  });
});
afterAll(() => api?.stop());

describe('health', () => {
  it('says live and ready without a credential', async () => {
    for (const path of ['/health/live', '/health/ready'])
      expect(await api.get(path, { key: null })).toMatchObject({ status: 200, body: { status: 'ok' } });
  });
});

describe('/metrics', () => {
  it('is Prometheus’ text: each route with its own time, ids in none', async () => {
    await api.get('/v1/sessions/secret-session-id');
    const { status, headers, body } = await api.get('/metrics', { key: TOKEN });
    expect(status).toBe(200);
    expect(headers.get('content-type')).toMatch(/^text\/plain/);
    expect(body).toMatch(
      /^parley_http_request_duration_seconds_count\{method="GET",route="\/v1\/sessions\/:agent_session_id",status="404"\} 1$/m,
    );
    expect(body).toMatch(/^process_resident_memory_bytes \d+$/m);
    expect(body).not.toContain('secret-session-id');
  });

  it('wants METRICS_TOKEN, if that is set', async () => {
    for (const key of [null, 'nonsense', api.key, `${TOKEN}x`])
      expect(await api.get('/metrics', { key })).toMatchObject(anError(401, 'invalid_token'));
  });
});

describe('the documentation', () => {
  it('is a page at /docs', async () => {
    const { status, headers, body } = await api.get('/docs', { key: null });
    expect([status, headers.get('content-type')]).toEqual([200, expect.stringMatching(/^text\/html/)]);
    expect(body).toContain('Parley API');
    for (const [, asset] of body.matchAll(/(?:src|href)="\.\/(docs\/[^"]+)"/g))
      expect([asset, (await api.get(`/${asset}`, { key: null })).status]).toEqual([asset, 200]);
  });

  it('names every call of the contract in openapi.json, with its errors', async () => {
    const { body } = await api.get('/openapi.json', { key: null });
    const calls = Object.entries(body.paths).flatMap(([path, methods]) =>
      Object.keys(methods as object).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(calls).toEqual(expect.arrayContaining(CALLS));
    const { responses, security } = body.paths['/v1/message/receive'].post;
    expect(Object.keys(responses)).toEqual(
      expect.arrayContaining(['201', '400', '401', '403', '409', '413', '422', '429', '500', '503']),
    );
    expect(security).toEqual([{ bearer: [] }]);
    expect(body.components.schemas.ReceiveDto.required).toEqual(['message']);
  });

  it('names the events of Socket.IO in asyncapi.json', async () => {
    const { status, body } = await api.get('/asyncapi.json', { key: null });
    expect([status, body.asyncapi]).toEqual([200, expect.stringMatching(/^3\./)]);
    for (const event of [
      'ready',
      'message',
      'message:updated',
      'read',
      'typing',
      'session',
      'message:receive',
    ])
      expect(JSON.stringify(body)).toContain(`"${event}"`);
  });
});

describe('CORS_ORIGINS', () => {
  const preflight = (origin: string) =>
    fetch(`${api.server.url}/v1/message/receive`, {
      method: 'OPTIONS',
      headers: {
        Origin: origin,
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'authorization,content-type',
      },
    });

  it('lets these origins call from a browser, and read the headers', async () => {
    const { status, headers } = await preflight('https://b.example.com');
    expect(status).toBeLessThan(300);
    expect(headers.get('access-control-allow-origin')).toBe('https://b.example.com');
    expect(headers.get('access-control-allow-methods')).toContain('POST');
    const answer = await api.get('/v1/api-keys', { headers: { Origin: 'https://app.example.com' } });
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://app.example.com');
    expect(answer.headers.get('access-control-expose-headers')).toContain('Retry-After');
  });

  it('lets no other one', async () => {
    for (const origin of [
      'https://evil.example',
      'http://app.example.com',
      'https://app.example.com.evil.example',
    ])
      expect((await preflight(origin)).headers.get('access-control-allow-origin')).toBeNull();
  });
});

const CALLS = [
  'POST /v1/message/receive',
  'POST /v1/message/send',
  'GET /v1/messages/unread',
  'GET /v1/messages/all',
  'GET /v1/messages',
  'POST /v1/messages/send',
  'PUT /v1/messages/{id}/read',
  'POST /v1/messages/read',
  'PATCH /v1/messages/{id}',
  'DELETE /v1/messages/{id}',
  'POST /v1/sessions',
  'GET /v1/sessions',
  'GET /v1/sessions/{agent_session_id}',
  'PATCH /v1/sessions/{agent_session_id}',
  'GET /v1/sessions/{agent_session_id}/messages',
  'POST /v1/tokens',
  'GET /v1/api-keys',
  'POST /v1/api-keys',
  'POST /v1/api-keys/{id}/revoke',
  'POST /v1/api-keys/{id}/rotate',
  'GET /health/live',
  'GET /health/ready',
];
