import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { launchServer, startServer } from '../../support/server.js';

jest.setTimeout(60_000);

const KEY = 'bootstrap-key-of-this-test';
const env = { BOOTSTRAP_API_KEY: KEY, RATE_LIMIT_PER_HOUR: '0' };
const headers = { authorization: `Bearer ${KEY}` };

let database: TestDatabase;
beforeAll(async () => void (database = await createTestDatabase()));
afterAll(() => database?.drop());

it('BOOTSTRAP_API_KEY works after every start, until somebody revokes it: then the start says so', async () => {
  const first = await startServer({ databaseUrl: database.url, env });
  expect(await first.stop()).toBe(0);

  const second = await startServer({ databaseUrl: database.url, env });
  const listed = await fetch(`${second.url}/v1/api-keys`, { headers });
  expect(listed.status).toBe(200);
  const { api_keys: keys } = (await listed.json()) as { api_keys: { id: string; name: string }[] };
  expect(keys.map(({ name }) => name)).toEqual(['bootstrap']);
  const revoked = await fetch(`${second.url}/v1/api-keys/${keys[0]?.id}/revoke`, { method: 'POST', headers });
  expect(revoked.status).toBe(200);
  expect(await second.stop()).toBe(0);

  const third = launchServer({ databaseUrl: database.url, env });
  expect(await third.ended).toBe(1);
  expect(third.output()).toContain('BOOTSTRAP_API_KEY was revoked');
  expect(third.output()).not.toContain(KEY);
});
