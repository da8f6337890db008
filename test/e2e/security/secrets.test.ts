import { createHash } from 'node:crypto';
import { aUser, cli, startTestNode, type TestNode } from '../../support/node.js';
import { closeSockets, refusal } from '../../support/socket.js';
import { methodOf, ROUTES, someThings } from './routes.js';

const TOKEN_SECRET = 'the-token-secret-of-this-test-server';
const METRICS_TOKEN = 'the-metrics-token-of-this-test-server';
const CONTENT = 'nobody but the two of them may read this';
const METADATA = 'nor this in the metadata';
const CONTEXT = 'nor what the agent remembers';
/** How every secret of a webhook begins. */
const WEBHOOK = 'whsec_';
let node: TestNode;
const user = aUser();
const secrets = new Map<string, string>();

/** Uses everything there is, well and badly, so that whatever could log a secret has had its chance. */
beforeAll(async () => {
  node = await startTestNode({ LOG_LEVEL: 'trace', TOKEN_SECRET, METRICS_TOKEN });
  const created = await node.newKey({ scopes: ['user', 'agent', 'admin'] });
  const rotated = await node.ok('POST', `/v1/api-keys/${created.id}/rotate`, {});
  const made = await cli(node.database.url, 'key', 'create');
  const token = await node.token(user, 3600, made);
  const unknown = 'parley_this-key-does-not-exist-at-all';
  for (const [name, secret] of Object.entries({
    ...{ bootstrap: node.key, created: created.key, rotated: rotated.key, made, token, unknown },
    ...{ TOKEN_SECRET, METRICS_TOKEN, CONTENT, METADATA, CONTEXT, WEBHOOK },
  }))
    secrets.set(name, secret);
  await talk(token);
  await fail(unknown);
  await crash(token);
}, 60_000);
afterAll(() => node.stop());
afterEach(closeSockets);

const message = { payload: { content: CONTENT, note: CONTENT }, metadata: { note: METADATA } };

async function talk(token: string): Promise<void> {
  const things = await someThings(node, user);
  await node.ok('PATCH', `/v1/sessions/${things.session}`, { context: { note: CONTEXT } });
  await node.ok('POST', '/v1/message/send', { platform_user_id: user, message });
  const device = await node.device(user, { token, after: 0 });
  const byKey = await node.device(user, { api_key: secrets.get('created'), platform_user_id: user });
  await device.command('message:receive', { message: CONTENT, metadata: { note: METADATA } });
  await device.command('token:refresh', { token });
  await byKey.command('message:receive', { message: { payload: { content: CONTENT, sender: 'system' } } });
  await device.command('no:such', { message: CONTENT, token });
  for (const [name, { request }] of Object.entries(ROUTES)) {
    if (name === 'POST /v1/tokens/revoke') continue; // it would end the token
    const { path, body } = request(await someThings(node, aUser()), 'user');
    await node.call(methodOf(name), path, body, secrets.get('rotated'));
  }
  await node.call('GET', '/metrics', undefined, METRICS_TOKEN);
}

/** Refusals of every kind, with secrets where they do not belong. */
async function fail(unknown: string): Promise<void> {
  await node.call('GET', `/v1/messages/all?platform_user_id=${user}`, undefined, unknown);
  await node.call('GET', `/v1/nowhere?api_key=${node.key}&q=${encodeURIComponent(CONTENT)}`);
  await node.call('POST', '/v1/message/receive', {
    platform_user_id: user,
    message: CONTENT,
    api_key: node.key,
  });
  await node.call('POST', '/v1/message/receive', { platform_user_id: [node.key], message: [CONTENT] });
  await fetch(`${node.url}/v1/message/send`, {
    method: 'POST',
    headers: { authorization: `Bearer ${node.key}`, 'content-type': 'application/json' },
    body: `{"message": "${CONTENT}" ${node.key}`,
  });
  await refusal(node.url, { api_key: unknown, platform_user_id: user });
  await refusal(node.url, { token: secrets.get('token'), platform_user_id: CONTENT });
}

const broken: { status: number; text: string }[] = [];

/** Failures inside: a table is away for a moment, so that statements with secrets among their values fail. */
async function crash(token: string): Promise<void> {
  const device = await node.device(user, { token });
  for (const table of ['messages', 'sessions', 'api_keys', 'webhook_endpoints']) {
    await node.query(`ALTER TABLE ${table} RENAME TO away`);
    for (const [name, { request, by }] of Object.entries(ROUTES)) {
      if (by === 'nothing' && !/api_keys|webhook/.test(table)) continue;
      const things = {
        user: aUser(),
        session: 's',
        said: 'x',
        answered: 'x',
        apiKey: 'key_x',
        webhook: 'whk_x',
        delivery: 'whd_x',
      };
      const { path, body } = request(things, 'user');
      const answer = await node.call(methodOf(name), path, body);
      if (answer.status >= 500) broken.push(answer);
    }
    broken.push(await node.call('POST', '/v1/message/send', { platform_user_id: user, message }));
    broken.push(await node.call('GET', '/v1/messages/all', undefined, 'parley_another-unknown-key'));
    const answer = await device.command('message:receive', {
      message: CONTENT,
      metadata: { note: METADATA },
    });
    broken.push({ status: answer.ok ? 200 : 500, text: JSON.stringify(answer) });
    await node.query(`ALTER TABLE away RENAME TO ${table}`);
  }
}

describe('At LOG_LEVEL=trace', () => {
  it('control: requests and failures are logged', () => {
    const output = node.server.output();
    expect(output).toMatch(/POST \/v1\/message\/send 201/);
    expect(output).toMatch(/"level":50/);
    expect(output).toMatch(/relation .* does not exist/);
  });

  it.each([
    ...['bootstrap', 'created', 'rotated', 'made', 'token', 'unknown', 'TOKEN_SECRET', 'METRICS_TOKEN'],
    ...['CONTENT', 'METADATA', 'CONTEXT', 'WEBHOOK'],
  ])('%s stands in no line', (name) => {
    const secret = secrets.get(name) as string;
    const lines = node.server.output().split('\n');
    expect(
      lines.filter((line) => line.includes(secret) || line.includes(encodeURIComponent(secret))),
    ).toEqual([]);
  });

  it('no line has an Authorization header, or more of a key than its public prefix', () => {
    const curlOfTheBanner = '-H "Authorization: Bearer $PARLEY_API_KEY"';
    const keys = ['bootstrap', 'created', 'rotated', 'made', 'token'].map(
      (name) => secrets.get(name) as string,
    );
    const bad = node.server
      .output()
      .replaceAll(curlOfTheBanner, '')
      .split('\n')
      .filter(
        (line) => /authorization|bearer/i.test(line) || keys.some((key) => line.includes(key.slice(0, 20))),
      );
    expect(bad).toEqual([]);
  });
});

describe('An answer to a failure inside', () => {
  it('control: there were some', () => {
    const failed = broken.filter(({ status }) => status >= 500);
    expect(failed.length).toBeGreaterThan(10);
    expect(failed.some(({ text }) => text.includes('internal_error'))).toBe(true);
  });

  it('tells nothing of SQL, tables, files or stacks', () => {
    for (const { text } of broken) {
      expect(text).not.toMatch(/select|insert|update |relation|column|42P01|syntax|pg_|typeorm|query/i);
      expect(text).not.toMatch(/\bat .*:\d+:\d+|node_modules|\/dist\/|\.js\b|stack/);
    }
  });
});

describe('What is stored', () => {
  it('of an API key is its hash and a short prefix', async () => {
    const rows = await node.query('SELECT prefix, hash FROM api_keys');
    for (const name of ['bootstrap', 'created', 'rotated', 'made']) {
      const secret = secrets.get(name) as string;
      const hash = createHash('sha256').update(secret).digest();
      const row = rows.find((candidate) => hash.equals(candidate.hash));
      expect(row).toBeDefined();
      expect(secret.startsWith(row.prefix)).toBe(true);
      expect(row.prefix.length).toBeLessThanOrEqual(12);
    }
  });

  it('has no key, no user token and no configured secret in any table', async () => {
    const tables = await node.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'");
    expect(tables.length).toBeGreaterThan(7);
    for (const { tablename } of tables) {
      const rows = await node.query(`SELECT t::text AS row FROM "${tablename}" t`);
      const all = rows.map(({ row }) => row).join('\n');
      for (const name of [
        'bootstrap',
        'created',
        'rotated',
        'made',
        'token',
        'TOKEN_SECRET',
        'METRICS_TOKEN',
      ])
        expect([tablename, all.includes(secrets.get(name) as string)]).toEqual([tablename, false]);
    }
  });

  it('is shown by no list: webhooks are there without their secrets', async () => {
    const { webhooks } = await node.ok('GET', '/v1/webhooks');
    expect(webhooks.length).toBeGreaterThan(0);
    expect(JSON.stringify(webhooks)).not.toContain(WEBHOOK);
  });

  it('is shown by no list: keys are there by their prefix', async () => {
    const { text } = await node.call('GET', '/v1/api-keys');
    const printed = await cli(node.database.url, 'key', 'list');
    for (const name of ['bootstrap', 'created', 'rotated', 'made'])
      for (const list of [text, printed]) expect(list).not.toContain(secrets.get(name));
    expect(text).not.toMatch(/"(hash|key|secret)":/);
  });
});
