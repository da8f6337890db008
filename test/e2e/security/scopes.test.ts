import { eventually } from '../../support/eventually.js';
import { aUser, startTestNode, type TestNode } from '../../support/node.js';
import { documentedRoutes, methodOf, ROUTES, type Scope, SCOPES, someThings } from './routes.js';

let node: TestNode;
const keys = {} as Record<Scope, string>;

beforeAll(async () => {
  node = await startTestNode();
  for (const scope of SCOPES) keys[scope] = (await node.newKey({ scopes: [scope] })).key;
});
afterAll(() => node.stop());

const rules = Object.entries(ROUTES);

it('Every documented route that needs a credential has a rule here, and every rule a route', async () => {
  expect((await documentedRoutes(node)).sort()).toEqual(Object.keys(ROUTES).sort());
});

it('A key that was used, and then changed in the database, has its new scopes within a second', async () => {
  const { id, key } = await node.newKey({ scopes: ['user', 'admin'] });
  const status = async (): Promise<number> => (await node.call('GET', '/v1/api-keys', undefined, key)).status;
  expect(await status()).toBe(200);
  await node.query(`UPDATE api_keys SET scopes = '{user}', changed_at = now() WHERE id = $1`, [id]);
  await eventually(async () => expect(await status()).toBe(403));
});

describe.each(rules)('%s', (name, { scopes, token, request }) => {
  const allowed = SCOPES.filter((scope) => scopes.includes(scope));
  const refused = SCOPES.filter((scope) => !scopes.includes(scope));

  async function ask(credential: string, as: Scope | 'token', user = aUser()) {
    const { path, body } = request(await someThings(node, user), as);
    return node.call(methodOf(name), path, body, credential);
  }

  it.each(allowed)('serves a key that has only the scope %s', async (scope) => {
    const answer = await ask(keys[scope], scope);
    expect([200, 201]).toContain(answer.status);
  });

  if (refused.length > 0)
    it.each(refused)('refuses a key that has only the scope %s', async (scope) => {
      const answer = await ask(keys[scope], scope);
      expect(answer).toMatchObject({ status: 403, body: { error: { code: 'insufficient_permissions' } } });
    });

  it(`${token ? 'serves' : 'refuses'} a user token, for its own platform user`, async () => {
    const user = aUser();
    const answer = await ask(await node.token(user), 'token', user);
    if (token) expect(answer.status).toBeLessThan(300);
    else expect(answer).toMatchObject({ status: 403, body: { error: { code: 'insufficient_permissions' } } });
  });

  it('answers 401 without a credential and to an unknown key, whatever was asked', async () => {
    const { path, body } = request(await someThings(node, aUser()), 'user');
    const unknown = await node.call(methodOf(name), path, body, 'parley_unknown');
    expect(unknown).toMatchObject({ status: 401, body: { error: { code: 'invalid_api_key' } } });
    const none = await fetch(`${node.url}${path}`, { method: methodOf(name) });
    expect(none.status).toBe(401);
    expect(await none.json()).toMatchObject({ error: { code: 'missing_api_key' } });
  });
});

describe('The author’s scope decides who changes a message', () => {
  it.each<[Scope, 'said' | 'answered', number]>([
    ['user', 'said', 200],
    ['user', 'answered', 403],
    ['agent', 'said', 403],
    ['agent', 'answered', 200],
  ])('a %s key and what was %s: %i', async (scope, which, status) => {
    const things = await someThings(node, aUser());
    const path = `/v1/messages/${things[which]}`;
    expect((await node.call('PATCH', path, { content: 'edited' }, keys[scope])).status).toBe(status);
    expect((await node.call('DELETE', path, undefined, keys[scope])).status).toBe(status);
  });

  it('a user token cannot change what was answered', async () => {
    const things = await someThings(node, aUser());
    const token = await node.token(things.user);
    const path = `/v1/messages/${things.answered}`;
    expect((await node.call('PATCH', path, { content: 'edited' }, token)).status).toBe(403);
    expect((await node.call('DELETE', path, undefined, token)).status).toBe(403);
  });
});
