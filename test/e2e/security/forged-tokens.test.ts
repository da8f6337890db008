import { createHmac } from 'node:crypto';
import { aUser, cli, startTestNode, type TestNode } from '../../support/node.js';
import { closeSockets, connect, refusal } from '../../support/socket.js';

const SECRET = 'the secret of the test server, long enough';
const user = aUser();
let node: TestNode;
let genuine: { header: any; claims: any; token: string };

beforeAll(async () => {
  node = await startTestNode({ TOKEN_SECRET: SECRET });
  const token = await node.token(user);
  const [header, claims] = token.split('.').map((part) => parsed(part));
  genuine = { header, claims, token };
  await node.send(user, 'for the genuine one');
});
afterEach(closeSockets);
afterAll(() => node.stop());

function parsed(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString());
  } catch {
    return undefined; // the signature
  }
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const hmac = (text: string, secret: string, hash = 'sha256'): string =>
  createHmac(hash, secret).update(text).digest('base64url');

/** A token like the genuine one, but for what is given; signed well unless told otherwise. */
function forge({ header = {}, claims = {}, secret = SECRET, hash = 'sha256' } = {}): string {
  const text = `${encode({ ...genuine.header, ...header })}.${encode({ ...genuine.claims, ...claims })}`;
  return `${text}.${hmac(text, secret, hash)}`;
}

it('Control: a token signed with the secret and every claim is genuine', async () => {
  const token = forge({ claims: { jti: 'tok_of_the_test' } });
  expect((await node.call('GET', '/v1/messages/all', undefined, token)).body.total).toBe(1);
  expect((await (await connect(node.url, { token })).next('ready')).platform_user_id).toBe(user);
});

const now = Math.floor(Date.now() / 1000);
const without = (claim: string) => ({ claims: { [claim]: undefined } });
const FORGED: [string, () => string, string][] = [
  ['alg none, no signature', () => forge({ header: { alg: 'none' } }).replace(/[^.]+$/, ''), 'invalid_token'],
  ['alg nOnE, no signature', () => forge({ header: { alg: 'nOnE' } }).replace(/[^.]+$/, ''), 'invalid_token'],
  ['alg none, signed', () => forge({ header: { alg: 'none' } }), 'invalid_token'],
  ['no alg', () => forge({ header: { alg: undefined } }), 'invalid_token'],
  ['HS512 with the secret', () => forge({ header: { alg: 'HS512' }, hash: 'sha512' }), 'invalid_token'],
  ['RS256 in name only', () => forge({ header: { alg: 'RS256' } }), 'invalid_token'],
  ['a crit header', () => forge({ header: { crit: ['exp'] } }), 'invalid_token'],
  ['another secret', () => forge({ secret: `${SECRET}!` }), 'invalid_token'],
  ['an empty secret', () => forge({ secret: '' }), 'invalid_token'],
  [
    'a key of its own in the header',
    () =>
      forge({
        header: { jwk: { kty: 'oct', k: Buffer.from('mine').toString('base64url') }, kid: '../../dev/null' },
        secret: 'mine',
      }),
    'invalid_token',
  ],
  ['another issuer', () => forge({ claims: { iss: 'somebody' } }), 'invalid_token'],
  ['no issuer', () => forge(without('iss')), 'invalid_token'],
  ['no subject', () => forge(without('sub')), 'invalid_token'],
  ['no id', () => forge(without('jti')), 'invalid_token'],
  ['no time of issue', () => forge(without('iat')), 'invalid_token'],
  ['no end', () => forge(without('exp')), 'invalid_token'],
  ['no account', () => forge(without('acc')), 'invalid_token'],
  ['no key', () => forge(without('key')), 'invalid_token'],
  ['a key that does not exist', () => forge({ claims: { key: 'key_nobody' } }), 'invalid_token'],
  ['an account that does not exist', () => forge({ claims: { acc: 4_711 } }), 'invalid_token'],
  ['an end that is a text', () => forge({ claims: { exp: 'tomorrow' } }), 'invalid_token'],
  ['an end in the past', () => forge({ claims: { exp: now - 1 } }), 'expired_token'],
  ['a beginning in the future', () => forge({ claims: { nbf: now + 3600 } }), 'invalid_token'],
  [
    'another subject under the old signature',
    () => {
      const [header, , signature] = genuine.token.split('.');
      return `${header}.${encode({ ...genuine.claims, sub: 'victim' })}.${signature}`;
    },
    'invalid_token',
  ],
  ['a signature cut short', () => genuine.token.slice(0, -4), 'invalid_token'],
  ['no signature', () => genuine.token.replace(/[^.]+$/, ''), 'invalid_token'],
  [
    'a signature with a flipped bit',
    () => genuine.token.replace(/.(?=.{9}$)/, (digit) => (digit === 'A' ? 'B' : 'A')),
    'invalid_token',
  ],
];

describe.each(FORGED)('A token with %s', (_, token, code) => {
  it('is refused over REST, in a handshake and as a refresh', async () => {
    const answer = await node.call('GET', '/v1/messages/all', undefined, token());
    expect(answer).toMatchObject({ status: 401, body: { error: { code } } });
    expect((await refusal(node.url, { token: token() })).code).toBe(code);
    const device = await connect(node.url, { token: genuine.token });
    const refreshed = await device.command('token:refresh', { token: token() });
    // A text that is no token at all is refused for its form.
    expect(['invalid_parameter', code]).toContain(refreshed.error.code);
  });
});

it('A token of a key of another account does not reach this one', async () => {
  await cli(node.database.url, 'account', 'create', 'other');
  const theirKey = await cli(node.database.url, 'key', 'create', '--account', 'other');
  const theirs = parsed((await node.token(user, 60, theirKey)).split('.')[1] as string) as any;
  expect(theirs.acc).not.toBe(genuine.claims.acc);
  const crossed = forge({ claims: { key: theirs.key } }); // both keys are known to the server by now
  expect(await node.call('GET', '/v1/messages/all', undefined, crossed)).toMatchObject({ status: 401 });
});

it('An Authorization header in any other form is refused', async () => {
  const headers = [
    `Basic ${Buffer.from(`x:${node.key}`).toString('base64')}`,
    node.key,
    `Bearer`,
    `Bearer ${node.key} extra`,
    `Token ${node.key}`,
    `Bearer ${node.key.slice(0, -1)}`,
    `Bearer ${node.key.toUpperCase()}`,
    `Bearer ${'x'.repeat(5_000)}`,
  ];
  for (const authorization of headers) {
    const { status } = await fetch(`${node.url}/v1/api-keys`, { headers: { authorization } });
    expect([authorization, status]).toEqual([authorization, 401]);
  }
  for (const path of [`/v1/api-keys?api_key=${node.key}`, `/v1/api-keys?access_token=${node.key}`])
    expect((await fetch(`${node.url}${path}`)).status).toBe(401);
});
