import proxyAddr from '@fastify/proxy-addr';
import { AGENT_VARIABLES } from './agent-variables.js';
import { parseRedisUrl } from './redis-address.js';
import { integer, list, oneOf, text, type Variable } from './variables.js';
import { WEBHOOK_VARIABLES } from './webhook-variables.js';

const PROXY_PROBLEM = 'must be off, a number of proxies, or addresses and CIDR ranges';
const HOUR_LIMIT = { min: 0, max: 1_000_000_000 };

/** Every variable that Parley reads. The README's configuration table is checked against this one. */
export const VARIABLES = {
  PORT: integer(3000, 'Port to listen on; 0 takes a free one and prints it.', { min: 0, max: 65_535 }),
  HOST: text<string | undefined>(
    undefined,
    'Address to listen on.',
    '127.0.0.1 with the embedded database, else 0.0.0.0',
  ),
  DATABASE_URL: text<string | undefined>(
    undefined,
    'PostgreSQL 13 or newer, `postgres://user:password@host:port/database`.',
    'none: embedded PostgreSQL under `DATA_DIR`',
    postgresUrlProblem,
  ),
  DATABASE_POOL_SIZE: integer(12, 'Connections that one node keeps to PostgreSQL.', { min: 2, max: 500 }),
  REDIS_URL: text<string | undefined>(
    undefined,
    'Redis 7 or newer, or Valkey, for many nodes: it carries hints and counts requests. `redis://user:password@host:port`, `rediss://` with TLS, `redis+cluster://h1:p1,h2:p2`, `redis+sentinel://h1:p1,h2:p2/master`.',
    'none: PostgreSQL does both',
    redisUrlProblem,
  ),
  DATA_DIR: text('./data', 'Where the embedded database lives.'),
  BOOTSTRAP_API_KEY: text<string | undefined>(
    undefined,
    'An API key that exists, with all scopes, in the account `default` after start (16 to 200 characters of `A-Z a-z 0-9 - . _ ~ + / =`).',
    'none: one is made and shown once, at the first start',
    bearerProblem,
  ),
  RATE_LIMIT_PER_HOUR: integer(
    300,
    'Requests per hour of each API key, and of each address without a credential; 0 turns it off.',
    HOUR_LIMIT,
  ),
  USER_RATE_LIMIT_PER_HOUR: integer(
    3000,
    'Requests per hour of each platform user with user tokens; 0 turns it off.',
    HOUR_LIMIT,
  ),
  TRUST_PROXY: text(
    'off',
    'Whose `X-Forwarded-For` is believed: `off`, a number of proxies, or a comma-separated list of addresses and CIDR ranges.',
    'off',
    proxyProblem,
  ),
  CORS_ORIGINS: list('Origins whose pages may call from a browser, comma-separated, or `*`.', originProblem),
  TOKEN_SECRET: text<string | undefined>(
    undefined,
    'Secret that signs user tokens, at least 32 characters.',
    'made at first start and kept in the database',
    (value) => (value.length < 32 ? 'must have at least 32 characters' : undefined),
  ),
  MAX_BODY_BYTES: integer(1_048_576, 'Largest request body and largest socket message, in bytes.', {
    min: 1024,
    max: 104_857_600,
  }),
  APPEND_LANES: integer(
    1,
    'Connections on which one node writes messages at once, in batches; more help when PostgreSQL has cores to spare.',
    { min: 1, max: 16 },
  ),
  APPEND_QUEUE_LIMIT: integer(
    10_000,
    'Messages that may wait to be written; beyond it a write answers 503.',
    { min: 1, max: 1_000_000 },
  ),
  MAX_CONNECTIONS_PER_USER: integer(
    1000,
    'Sockets and event streams that one platform user may have open on one node.',
    { min: 1, max: 1_000_000 },
  ),
  MAX_AGENT_CONNECTIONS: integer(1000, 'Sockets that the agents of one account may have open on one node.', {
    min: 1,
    max: 1_000_000,
  }),
  INBOX_LIMIT: integer(
    1000,
    'Sessions routed to one agent (or to none) that an account’s agents are told of at once on one node; more follow as these are handled.',
    { min: 1, max: 100_000 },
  ),
  MAX_CONNECTS_PER_SECOND: integer(
    2000,
    'Handshakes that one node takes in a second; more are asked to try again.',
    {
      min: 1,
      max: 1_000_000,
    },
  ),
  MAX_BUFFERED_BYTES: integer(
    4_194_304,
    'Bytes that a connection may leave untaken; beyond it it is cut as a slow consumer.',
    { min: 65_536, max: 1_073_741_824 },
  ),
  RECONCILE_INTERVAL_MS: integer(
    2000,
    'How often followers compare themselves with the database (anti-entropy), in milliseconds.',
    { min: 50, max: 60_000 },
  ),
  ...AGENT_VARIABLES,
  ...WEBHOOK_VARIABLES,
  DRAIN_TIMEOUT_MS: integer(10_000, 'How long a stopping node finishes what is under way, in milliseconds.', {
    min: 0,
    max: 600_000,
  }),
  METRICS_TOKEN: text<string | undefined>(
    undefined,
    'If set, `/metrics` demands it as a bearer token.',
    'none: open',
    bearerProblem,
  ),
  LOG_LEVEL: oneOf(
    ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    'info',
    'Least severe level that is logged; `debug` logs each request.',
  ),
} as const satisfies Record<string, Variable<unknown>>;

type Values = { readonly [K in keyof typeof VARIABLES]: ReturnType<(typeof VARIABLES)[K]['parse']> };

/** The configuration: validated, typed, frozen. */
export type Config = Values;

export const CONFIG = Symbol('Config');

/** A start with bad values stops with this: one line for each of them. */
export class ConfigError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'ConfigError';
  }
}

/**
 * The only reader of the environment. An empty value counts as absent.
 *
 * @throws ConfigError naming each bad variable; values are not repeated, as they may be secrets
 */
export function loadConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const problems: string[] = [];
  const values = Object.entries(VARIABLES).map(([name, variable]: [string, Variable<unknown>]) => {
    const given = env[name];
    if (given === undefined || given === '') return [name, variable.default];
    try {
      return [name, variable.parse(given)];
    } catch (error) {
      problems.push(`${name} ${(error as Error).message}`);
      return [name, undefined];
    }
  });
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(Object.fromEntries(values) as Values);
}

/** Contract section 5: a server with its own database is somebody's laptop, so it listens to that machine only. */
export function listenHost(config: Config): string {
  return config.HOST ?? (config.DATABASE_URL ? '0.0.0.0' : '127.0.0.1');
}

function postgresUrlProblem(value: string): string | undefined {
  const problem = 'must be a URL like postgres://user:password@host:5432/database';
  if (!URL.canParse(value)) return problem;
  return /^postgres(ql)?:$/.test(new URL(value).protocol) ? undefined : problem;
}

function redisUrlProblem(value: string): string | undefined {
  try {
    parseRedisUrl(value);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function proxyProblem(value: string): string | undefined {
  if (/^(off|\d{1,3})$/.test(value)) return undefined;
  try {
    proxyAddr.compile(value.split(',').map((range) => range.trim()));
    return undefined;
  } catch {
    return PROXY_PROBLEM;
  }
}

function originProblem(value: string): string | undefined {
  if (value === '*' || (URL.canParse(value) && new URL(value).origin === value)) return undefined;
  return 'must be `*` or a comma-separated list of origins like https://app.example.com';
}

/** RFC 6750 section 2.1, `b64token`. */
function bearerProblem(value: string): string | undefined {
  if (/^[A-Za-z0-9\-._~+/]+=*$/.test(value) && value.length >= 16 && value.length <= 200) return undefined;
  return 'must have 16 to 200 characters of A-Z a-z 0-9 - . _ ~ + / =';
}
