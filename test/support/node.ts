import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from './database.js';
import { type Answer, call } from './http.js';
import { startNode } from './process.js';
import { startServer, type TestServer } from './server.js';
import { closeSockets, connect, type ConnectOptions, type Recorder } from './socket.js';

/** A running node on a database of its own, and short words for what tests do with it. */
export interface TestNode {
  readonly server: TestServer;
  readonly url: string;
  readonly database: TestDatabase;
  /** A key with every scope. */
  readonly key: string;
  /** A REST call as the key, or as another credential. */
  call(method: string, path: string, body?: unknown, credential?: string): Promise<Answer>;
  /** The same, which must succeed: gives the body. */
  ok(method: string, path: string, body?: unknown, credential?: string): Promise<any>;
  /** A user token. */
  token(user: string, seconds?: number, credential?: string): Promise<string>;
  /** A new API key: `{ id, key }`. */
  newKey(wishes: { scopes: string[]; expires_in?: number; rate_limit_per_hour?: number }): Promise<any>;
  /** The platform user says something, over REST. */
  receive(user: string, text: string, more?: object): Promise<any>;
  /** The assistant says something, over REST. */
  send(user: string, text: string, more?: object): Promise<any>;
  /** A device of the platform user, connected with a user token (or as `auth` says). */
  device(user: string, auth?: object, options?: ConnectOptions): Promise<Recorder>;
  /** Reads the database directly. */
  query(sql: string, values?: unknown[]): Promise<any[]>;
  stop(): Promise<void>;
}

/** Without a rate limit unless `env` sets one. Anti-entropy runs often, so that a doubled event would show. */
export async function startTestNode(env: Record<string, string> = {}): Promise<TestNode> {
  const database = await createTestDatabase();
  const key = `key-for-tests-${randomBytes(9).toString('hex')}`;
  try {
    const server = await startServer({
      databaseUrl: database.url,
      env: {
        BOOTSTRAP_API_KEY: key,
        RATE_LIMIT_PER_HOUR: '0',
        USER_RATE_LIMIT_PER_HOUR: '0',
        RECONCILE_INTERVAL_MS: '50',
        ...env,
      },
    });
    return nodeOf(server, database, key);
  } catch (error) {
    await database.drop();
    throw error;
  }
}

/** A platform user that no other test has. */
export function aUser(): string {
  return `user-${randomBytes(6).toString('hex')}`;
}

/** Runs `dist/cli/<program>.js` on the node's database as another process, and gives what it printed. */
export async function cli(databaseUrl: string, program: string, ...args: string[]): Promise<string> {
  const run = startNode([join(__dirname, '../../dist/cli', `${program}.js`), ...args], {
    DATABASE_URL: databaseUrl,
  });
  const code = await run.ended;
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}:\n${run.output()}`);
  return run.output().trim();
}

function nodeOf(server: TestServer, database: TestDatabase, key: string): TestNode {
  const { url } = server;
  const restCall: TestNode['call'] = (method, path, body, credential = key) =>
    call(url, method, path, { body, credential });
  const ok: TestNode['ok'] = async (...request) => {
    const answer = await restCall(...request);
    if (answer.status < 300) return answer.body;
    throw new Error(`${request[0]} ${request[1]} answered ${answer.status} ${answer.text}`);
  };
  const token: TestNode['token'] = async (user, seconds, credential) => {
    const body = { platform_user_id: user, expires_in: seconds };
    return (await ok('POST', '/v1/tokens', body, credential)).token as string;
  };
  return {
    server,
    url,
    database,
    key,
    call: restCall,
    ok,
    token,
    newKey: (wishes) => ok('POST', '/v1/api-keys', { name: 'test', ...wishes }),
    receive: (user, text, more) =>
      ok('POST', '/v1/message/receive', { platform_user_id: user, message: text, ...more }),
    send: (user, text, more) =>
      ok('POST', '/v1/message/send', {
        platform_user_id: user,
        message: { payload: { content: text } },
        ...more,
      }),
    device: async (user, auth, options) =>
      connect(url, { ...(auth ?? { token: await token(user) }) }, options),
    query: (sql, values) => queryDatabase(database.url, sql, values),
    stop: async () => {
      closeSockets();
      const fell = server.hasEnded();
      await server.stop();
      await database.drop();
      if (fell) throw new Error(`the server ended by itself. It said:\n${server.output().slice(-4_000)}`);
    },
  };
}

async function queryDatabase(url: string, sql: string, values?: unknown[]): Promise<any[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql, values)).rows;
  } finally {
    await client.end();
  }
}
