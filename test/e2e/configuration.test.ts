import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig, VARIABLES } from '../../src/config/config.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { launchServer, startServer } from '../support/server.js';

const README = join(__dirname, '../../README.md');

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database?.drop());

/** Starts a server that must not start: its exit code and what it said. */
async function refused(env: Record<string, string>): Promise<{ code: number | null; said: string }> {
  const server = launchServer({ databaseUrl: database.url, env });
  const code = await server.ended;
  return { code, said: server.output() };
}

describe('a bad value', () => {
  const BAD: Record<string, string[]> = {
    PORT: ['http', '65536', '-1', '3000.5', '0x10', ' 3000'],
    DATABASE_URL: ['localhost/parley', 'mysql://localhost/parley', 'postgres://host:port/parley'],
    DATABASE_POOL_SIZE: ['0', 'many'],
    BOOTSTRAP_API_KEY: ['short', 'with a blank in between', 'x'.repeat(201)],
    RATE_LIMIT_PER_HOUR: ['-1', 'off', '1e9'],
    USER_RATE_LIMIT_PER_HOUR: ['-1', 'none'],
    TRUST_PROXY: ['yes', 'true', '10.0.0.0/99', '999.1.1.1', 'fade', '10.0.0.1;10.0.0.2'],
    CORS_ORIGINS: ['app.example.com', 'https://app.example.com/', 'https://a.example, *.example'],
    TOKEN_SECRET: ['too short for a secret'],
    MAX_BODY_BYTES: ['1MB', '100'],
    APPEND_QUEUE_LIMIT: ['0'],
    RECONCILE_INTERVAL_MS: ['10', '2s'],
    DRAIN_TIMEOUT_MS: ['-5'],
    METRICS_TOKEN: ['secret'],
    LOG_LEVEL: ['verbose', 'INFO'],
  };

  const SECRETS = ['BOOTSTRAP_API_KEY', 'DATABASE_URL', 'METRICS_TOKEN', 'TOKEN_SECRET'];

  it('names its variable, and a secret is not repeated', () => {
    for (const [name, values] of Object.entries(BAD))
      for (const value of values) {
        let message = '';
        try {
          loadConfig({ [name]: value });
        } catch (error) {
          message = (error as Error).message;
        }
        expect([value, message]).toEqual([value, expect.stringMatching(new RegExp(`^${name} must `))]);
        if (SECRETS.includes(name)) expect(message).not.toContain(value);
      }
  });

  it('stops the start with exit code 1, naming each bad variable in a line', async () => {
    const env = Object.fromEntries(Object.entries(BAD).map(([name, [value]]) => [name, value as string]));
    const { code, said } = await refused(env);
    expect(code).toBe(1);
    const lines = said.trim().split('\n').slice(1);
    expect(lines.map((line) => line.trim().split(' ')[0]).sort()).toEqual(Object.keys(BAD).sort());
  });

  it('of DATABASE_URL that leads nowhere stops the start, too, and says which variable to look at', async () => {
    const url = new URL(database.url);
    const wrong = [
      'postgres://nobody@127.0.0.1:1/parley',
      database.url.replace(url.pathname, '/no_such_database'),
    ];
    const runs = await Promise.all(wrong.map((DATABASE_URL) => refused({ DATABASE_URL })));
    for (const { code, said } of runs) {
      expect(code).toBe(1);
      expect(said).toContain('DATABASE_URL');
    }
  });

  it('of HOST or PORT that cannot be listened to stops the start, and says so', async () => {
    const running = await startServer({ databaseUrl: database.url });
    try {
      const [address, host, port] = await Promise.all([
        refused({ HOST: '203.0.113.1' }),
        refused({ HOST: 'no-such-host.invalid' }),
        refused({ PORT: new URL(running.url).port }),
      ]);
      expect([address.code, host.code, port.code]).toEqual([1, 1, 1]);
      for (const { said } of [address, host]) expect(said).toContain('check HOST');
      expect(port.said).toContain('PORT');
    } finally {
      await running.stop();
    }
  });
});

describe('the defaults', () => {
  it('are those of the contract', () => {
    expect(loadConfig({})).toMatchObject({
      PORT: 3000,
      HOST: undefined,
      DATABASE_URL: undefined,
      DATA_DIR: './data',
      BOOTSTRAP_API_KEY: undefined,
      RATE_LIMIT_PER_HOUR: 300,
      USER_RATE_LIMIT_PER_HOUR: 3000,
      RECONCILE_INTERVAL_MS: 2000,
      TRUST_PROXY: 'off',
      CORS_ORIGINS: [],
      TOKEN_SECRET: undefined,
      MAX_BODY_BYTES: 1_048_576,
      LOG_LEVEL: 'info',
    });
  });

  it('stand for an empty value as for none', () => {
    const empty = Object.fromEntries(Object.keys(VARIABLES).map((name) => [name, '']));
    expect(loadConfig(empty)).toEqual(loadConfig({}));
  });

  it('cannot be changed by anybody who was given them', () => {
    expect(Object.isFrozen(loadConfig({}))).toBe(true);
  });

  it('keep the secret of user tokens in the database: a token outlives a restart', async () => {
    const env = { BOOTSTRAP_API_KEY: 'a-key-for-restarts' };
    const first = await startServer({ databaseUrl: database.url, env });
    const headers = { authorization: 'Bearer a-key-for-restarts', 'content-type': 'application/json' };
    const body = JSON.stringify({ platform_user_id: 'user123' });
    const minted = await fetch(`${first.url}/v1/tokens`, { method: 'POST', headers, body });
    const { token } = (await minted.json()) as { token: string };
    expect(await first.stop()).toBe(0);
    const second = await startServer({ databaseUrl: database.url, env });
    try {
      const list = await fetch(`${second.url}/v1/messages/all`, {
        headers: { authorization: `Bearer ${token}` },
      });
      expect(list.status).toBe(200);
    } finally {
      await second.stop();
    }
  });
});

describe('the README’s configuration table', () => {
  const rows = /<!-- test:configuration -->\n([\s\S]*?)<!-- \/test:configuration -->/
    .exec(readFileSync(README, 'utf8'))?.[1]
    ?.split('\n')
    .slice(2)
    .filter((line) => line.startsWith('|'))
    .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll('\\|', '|')));

  it('lists every variable, with its default and its meaning', () => {
    const expected = Object.entries(VARIABLES).map(([name, { shownDefault, meaning }]) => [
      `\`${name}\``,
      shownDefault,
      meaning,
    ]);
    expect(rows?.map(([, name, shown, meaning]) => [name, shown, meaning])).toEqual(expected);
  });
});
