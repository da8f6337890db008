import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { createTestDatabase } from './database.js';
import { startNode } from './process.js';
import { startServer, type TestServer } from './server.js';

const CLI = join(__dirname, '../../dist/cli');

/** What a call answered. */
export interface Answer {
  status: number;
  headers: Headers;
  /** Parsed, if it is JSON; else the text. */
  body: any;
}

export interface CallOptions {
  /** API key or user token; null: no credential. Defaults to the key with all scopes. */
  key?: string | null;
  headers?: Record<string, string>;
}

/** A small client of one server. A body that is a text goes as it is, everything else as JSON. */
export interface Api {
  readonly server: TestServer;
  readonly databaseUrl: string;
  /** A key of the account `default` with every scope. */
  readonly key: string;
  get(path: string, options?: CallOptions): Promise<Answer>;
  post(path: string, body?: unknown, options?: CallOptions): Promise<Answer>;
  put(path: string, body?: unknown, options?: CallOptions): Promise<Answer>;
  patch(path: string, body?: unknown, options?: CallOptions): Promise<Answer>;
  delete(path: string, options?: CallOptions): Promise<Answer>;
  stop(): Promise<void>;
}

/** A server on a database of its own. Without a rate limit unless `env` says otherwise. */
export async function startApi(env: Record<string, string> = {}): Promise<Api> {
  const database = await createTestDatabase();
  const key = `test-${randomBytes(16).toString('hex')}`;
  try {
    const server = await startServer({
      databaseUrl: database.url,
      env: { BOOTSTRAP_API_KEY: key, RATE_LIMIT_PER_HOUR: '0', USER_RATE_LIMIT_PER_HOUR: '0', ...env },
    });
    const stop = async () => {
      await server.stop();
      await database.drop();
    };
    return { ...clientOf(server.url, key), server, databaseUrl: database.url, key, stop };
  } catch (error) {
    await database.drop();
    throw error;
  }
}

/** A client of a server that somebody else started. */
export function clientOf(url: string, key: string): Omit<Api, 'server' | 'databaseUrl' | 'key' | 'stop'> {
  const call =
    (method: string) =>
    (path: string, body?: unknown, options: CallOptions = {}) =>
      request(url + path, method, body, { key, ...options });
  return {
    get: (path, options) => call('GET')(path, undefined, options),
    post: call('POST'),
    put: call('PUT'),
    patch: call('PATCH'),
    delete: (path, options) => call('DELETE')(path, undefined, options),
  };
}

async function request(
  url: string,
  method: string,
  body: unknown,
  { key, headers }: CallOptions,
): Promise<Answer> {
  const response = await fetch(url, {
    method,
    headers: {
      ...(key != null && { authorization: `Bearer ${key}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: parse(text) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

let users = 0;

/** A platform user that no other test of the file has. */
export function aUser(): string {
  return `user-${++users}-${randomBytes(3).toString('hex')}`;
}

/** Runs a command line program of the server beside it: `cli(api, 'key', 'list')`. */
export async function cli(
  { databaseUrl }: Pick<Api, 'databaseUrl'>,
  program: 'account' | 'key',
  ...args: string[]
): Promise<{ code: number | null; output: string }> {
  const run = startNode([join(CLI, `${program}.js`), ...args], { DATABASE_URL: databaseUrl });
  const code = await run.ended;
  return { code, output: run.output().trim() };
}

/** A second account with a key that has all scopes. Accounts are made on the command line only. */
export async function anAccount(api: Pick<Api, 'databaseUrl'>): Promise<{ name: string; key: string }> {
  const name = `account-${randomBytes(4).toString('hex')}`;
  const created = await cli(api, 'account', 'create', name);
  const { code, output: key } = await cli(api, 'key', 'create', '--account', name);
  if (created.code !== 0 || code !== 0) throw new Error(`no account: ${created.output} ${key}`);
  return { name, key };
}

/** A user token. */
export async function aToken(api: Api, platformUserId: string, expiresIn?: number): Promise<string> {
  const body = { platform_user_id: platformUserId, expires_in: expiresIn };
  return made(await api.post('/v1/tokens', body)).token;
}

/** An API key of the account `default`. */
export async function aKey(
  api: Api,
  wishes: { scopes?: string[]; rate_limit_per_hour?: number; expires_in?: number } = {},
): Promise<{ id: string; key: string }> {
  const body = { name: 'for a test', scopes: ['user', 'agent', 'admin'], ...wishes };
  return made(await api.post('/v1/api-keys', body));
}

/** The platform user says something: the stored message. */
export async function received(api: Api, user: string, more: object = {}): Promise<any> {
  return made(await api.post('/v1/message/receive', { platform_user_id: user, message: 'Hello', ...more }));
}

/** The assistant says something: the stored message. */
export async function sent(api: Api, user: string, message: object = {}, more: object = {}): Promise<any> {
  const body = {
    platform_user_id: user,
    message: { payload: { content: 'How can I help?' }, ...message },
    ...more,
  };
  return made(await api.post('/v1/message/send', body));
}

/** How many messages the platform user's log holds. */
export async function total(api: Api, user: string): Promise<number> {
  return (await api.get(`/v1/messages/all?platform_user_id=${encodeURIComponent(user)}&limit=1`)).body.total;
}

/** The body of an answer that must be a success. */
export function made({ status, body }: Answer): any {
  if (status < 200 || status > 299) throw new Error(`${status} ${JSON.stringify(body)}`);
  return body;
}

/** The contract's shape of an error, for `toMatchObject` on an answer. */
export function anError(status: number, code: string, fields?: string[]): object {
  const details = fields
    ? { fields: Object.fromEntries(fields.map((field) => [field, expect.any(Array)])) }
    : expect.any(Object);
  return {
    status,
    body: { error: { code, message: expect.any(String), details }, detail: expect.any(String) },
  };
}

/** ISO 8601 UTC with milliseconds. */
export const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
