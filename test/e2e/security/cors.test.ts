import { startTestNode, type TestNode } from '../../support/node.js';

const ALLOWED = ['https://app.example.com', 'http://localhost:5173'];
const STRANGERS = [
  'https://evil.example',
  'https://app.example.com.evil.example',
  'http://app.example.com',
  'https://app.example.com:8443',
  'https://APP.example.com.',
  'null',
];
const PATHS = ['/v1/messages/all?platform_user_id=x', '/socket.io/?EIO=4&transport=polling'];
let listed: TestNode;
let none: TestNode;
let all: TestNode;

beforeAll(async () => {
  listed = await startTestNode({ CORS_ORIGINS: ALLOWED.join(', ') });
  none = await startTestNode();
  all = await startTestNode({ CORS_ORIGINS: '*' });
});
afterAll(() => Promise.all([listed, none, all].map((node) => node.stop())));

/** The origin that may read the answer to a call from a page of `origin`. */
async function allowedBy(node: TestNode, path: string, origin: string): Promise<string | null> {
  const headers = { origin, authorization: `Bearer ${node.key}` };
  const answer = await fetch(`${node.url}${path}`, { headers });
  await answer.text();
  expect(answer.status).toBe(200);
  expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
  return answer.headers.get('access-control-allow-origin');
}

async function preflight(node: TestNode, path: string, origin: string): Promise<Headers> {
  const headers = {
    origin,
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'authorization,content-type,idempotency-key',
  };
  const answer = await fetch(`${node.url}${path}`, { method: 'OPTIONS', headers });
  await answer.text();
  return answer.headers;
}

describe.each(PATHS)('%s', (path) => {
  it.each(ALLOWED)('may be read by a page of the configured origin %s', async (origin) => {
    expect(await allowedBy(listed, path, origin)).toBe(origin);
    const headers = await preflight(listed, path, origin);
    expect(headers.get('access-control-allow-origin')).toBe(origin);
    expect(headers.get('vary')).toMatch(/origin/i);
  });

  it.each(STRANGERS)('may not be read by a page of %s', async (origin) => {
    expect(await allowedBy(listed, path, origin)).not.toBe(origin);
    expect([null, ...ALLOWED]).toContain(await allowedBy(listed, path, origin));
    expect((await preflight(listed, path, origin)).get('access-control-allow-origin')).not.toBe(origin);
  });

  it('may be read by no page when nothing is configured', async () => {
    for (const origin of [...ALLOWED, ...STRANGERS]) {
      expect(await allowedBy(none, path, origin)).toBeNull();
      expect((await preflight(none, path, origin)).get('access-control-allow-origin')).toBeNull();
    }
  });

  it('may be read by every page when * is configured', async () => {
    expect(await allowedBy(all, path, 'https://anything.example')).toBe('*');
  });
});

it('A preflight allows what the API needs, and a page may see its headers', async () => {
  const headers = await preflight(listed, '/v1/message/receive', ALLOWED[0] as string);
  expect(headers.get('access-control-allow-methods')).toMatch(/PATCH/);
  expect(headers.get('access-control-allow-headers')).toMatch(/authorization/i);
  const answer = await fetch(`${listed.url}/v1/messages/all?platform_user_id=x`, {
    headers: { origin: ALLOWED[0] as string, authorization: `Bearer ${listed.key}` },
  });
  expect(answer.headers.get('access-control-expose-headers')).toMatch(/X-Request-Id/i);
});
