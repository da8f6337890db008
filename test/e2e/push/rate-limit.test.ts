import { aUser, startTestNode, type TestNode } from '../../support/node.js';
import { closeSockets, refusal } from '../../support/socket.js';

const LIMIT = 8;
let node: TestNode;
beforeAll(async () => {
  node = await startTestNode({ RATE_LIMIT_PER_HOUR: '30', USER_RATE_LIMIT_PER_HOUR: String(LIMIT) });
});
afterEach(closeSockets);
afterAll(() => node.stop());

const EXCEEDED = {
  ok: false,
  error: {
    code: 'rate_limit_exceeded',
    message: expect.any(String),
    details: { limit: LIMIT, reset_at: expect.any(Number) },
  },
};

/** The bootstrap key has the server's limit, so the tests themselves use one without. */
async function freeKey(): Promise<string> {
  return (await node.newKey({ scopes: ['user', 'agent', 'admin'], rate_limit_per_hour: 0 })).key as string;
}

it('What a socket sends counts, and the answer says when the budget is used up', async () => {
  const user = aUser();
  const device = await node.device(user);
  const commands = [
    ['typing', { typing: true }],
    ['message:receive', { message: 'hi' }],
    ['messages:read', { up_to_seq: 1 }],
    ['message:receive', { nonsense: true }], // refused, and counted
  ] as const;
  const answers = [];
  for (let i = 0; i < LIMIT + 2; i++) {
    const [event, body] = commands[i % commands.length]!;
    answers.push(await device.command(event, body));
  }
  expect(answers.slice(0, LIMIT).map(({ error }) => error?.code)).not.toContain('rate_limit_exceeded');
  expect(answers.slice(LIMIT)).toEqual([EXCEEDED, EXCEEDED]);
  const now = Date.now() / 1000;
  expect(answers.at(-1).error.details.reset_at).toBeGreaterThan(now);
  expect(answers.at(-1).error.details.reset_at).toBeLessThanOrEqual(now + 3601);
});

it('One budget over all devices of the user and over REST with user tokens', async () => {
  const user = aUser();
  const [token, key] = [await node.token(user), await freeKey()];
  const [one, two] = [await node.device(user, { token }), await node.device(user)];
  for (let i = 0; i < LIMIT - 2; i++) await (i % 2 ? one : two).command('typing', { typing: true });
  const rest = await node.call('GET', '/v1/messages/all', undefined, token);
  expect([rest.status, rest.headers.get('x-ratelimit-remaining')]).toEqual([200, '1']);
  await one.command('typing', { typing: true });
  expect(await two.command('typing', { typing: true })).toEqual(EXCEEDED);
  expect((await node.call('GET', '/v1/messages/all', undefined, token)).status).toBe(429);
  // The budget is that user's alone, and keys have their own.
  expect(
    await (
      await node.device(aUser(), { token: await node.token(aUser(), 60, key) })
    ).command('typing', { typing: true }),
  ).toMatchObject({ ok: true });
  expect((await node.call('GET', `/v1/messages/all?platform_user_id=${user}`, undefined, key)).status).toBe(
    200,
  );
});

it('What is pushed never counts, nor does being connected', async () => {
  const user = aUser();
  const key = await freeKey();
  const device = await node.device(user, { token: await node.token(user, 60, key) });
  for (let i = 0; i < 3 * LIMIT; i++)
    await node.ok('POST', '/v1/message/send', { platform_user_id: user, message: `m${i}` }, key);
  for (let i = 0; i < 3 * LIMIT; i++) await device.next('message');
  for (let i = 0; i < LIMIT; i++)
    expect(await device.command('typing', { typing: true })).toMatchObject({ ok: true });
  expect(await device.command('typing', { typing: true })).toEqual(EXCEEDED);
  const sent = await node.ok(
    'POST',
    '/v1/message/send',
    { platform_user_id: user, message: 'still pushed' },
    key,
  );
  expect(await device.next('message')).toEqual(sent);
});

it('A command that was refused for the limit does nothing', async () => {
  const user = aUser();
  const key = await freeKey();
  const device = await node.device(user, { token: await node.token(user, 60, key) });
  for (let i = 0; i < LIMIT; i++) await device.command('typing', { typing: true });
  expect(await device.command('message:receive', { message: 'too much' })).toEqual(EXCEEDED);
  device.socket.emit('message:receive', { message: 'nor without a callback' });
  expect(await device.command('message:receive', { message: 'too much' })).toEqual(EXCEEDED);
  const { total } = await node.ok('GET', `/v1/messages/all?platform_user_id=${user}`, undefined, key);
  expect(total).toBe(0);
});

it('A socket of an API key spends that key’s budget', async () => {
  const user = aUser();
  const admin = await freeKey();
  const body = { name: 'small', scopes: ['user'], rate_limit_per_hour: 3 };
  const { key } = await node.ok('POST', '/v1/api-keys', body, admin);
  const device = await node.device(user, { api_key: key, platform_user_id: user });
  for (let i = 0; i < 2; i++) await device.command('typing', { typing: true });
  expect((await node.call('GET', `/v1/messages/all?platform_user_id=${user}`, undefined, key)).status).toBe(
    200,
  );
  const answer = await device.command('typing', { typing: true });
  expect(answer).toMatchObject({ ok: false, error: { code: 'rate_limit_exceeded', details: { limit: 3 } } });
});

it('Guessing credentials in handshakes is charged to the address', async () => {
  const codes = new Set<string>();
  for (let i = 0; i < 31; i++) codes.add((await refusal(node.url, { token: `guess-${i}` })).code);
  expect([...codes]).toEqual(['invalid_token', 'rate_limit_exceeded']);
});
