import { ConfigError, listenHost, loadConfig, VARIABLES } from '../../../src/config/config.js';

type Name = keyof typeof VARIABLES;
interface Case {
  default: unknown;
  /** What is written, and what it means. */
  good: [string, unknown][];
  bad: string[];
}

const integers = (fallback: number, min: number, max: number): Case => ({
  default: fallback,
  good: [
    [String(min), min],
    [String(max), max],
  ],
  bad: [String(min - 1), String(max + 1), '1.5', '1e3', '0x10', ' 1', 'many', 'NaN', '１'],
});
const same = (...texts: string[]): [string, unknown][] => texts.map((text) => [text, text]);

const CASES: Record<Name, Case> = {
  PORT: integers(3000, 0, 65_535),
  HOST: { default: undefined, good: same('0.0.0.0', '::1', 'localhost'), bad: [] },
  DATABASE_URL: {
    default: undefined,
    good: same('postgres://me:secret@db:5432/parley', 'postgresql://me@localhost/parley?host=%2Ftmp'),
    bad: ['mysql://me:hidden@db/parley', 'hidden', 'me:hidden@db/parley'],
  },
  DATABASE_POOL_SIZE: integers(12, 2, 500),
  REDIS_URL: {
    default: undefined,
    good: same(
      'redis://localhost',
      'redis://me:s%40cret@redis:6380/2',
      'rediss://:secret@[::1]:6379',
      'redis+cluster://a:7000,b:7001,c',
      'rediss+cluster://me:secret@a:7000',
      'redis+sentinel://a:26379,b/my-master',
    ),
    bad: [
      'hidden',
      'http://hidden:6379',
      'redis://',
      'redis://hidden:many',
      'redis://hidden:0',
      'redis://hidden:65536',
      'redis://hidden/name',
      'redis://a,hidden',
      'redis://me:%ff@hidden',
      'redis+cluster://hidden/1',
      'redis+cluster://hidden,',
      'redis+sentinel://hidden',
      'redis+sentinel://hidden/',
      'redis+magic://hidden',
    ],
  },
  DATA_DIR: { default: './data', good: same('/var/lib/parley'), bad: [] },
  BOOTSTRAP_API_KEY: {
    default: undefined,
    good: same('parley_0123456789', 'x'.repeat(16), 'x'.repeat(200)),
    bad: ['hidden', 'hidden hidden hidden', 'hidden-hidden-hiddén', 'x'.repeat(201), '=hidden=hidden=hidden'],
  },
  RATE_LIMIT_PER_HOUR: integers(300, 0, 1_000_000_000),
  USER_RATE_LIMIT_PER_HOUR: integers(3000, 0, 1_000_000_000),
  TRUST_PROXY: {
    default: 'off',
    good: same('off', '1', '10.0.0.1', '10.0.0.0/8, ::1', 'fd00::/8', 'loopback', 'loopback,10.0.0.0/8'),
    bad: ['on', 'true', '-1', 'abc', '10.0.0.0/33', '::1/129', '10.0.0.1,', ':::'],
  },
  CORS_ORIGINS: {
    default: [],
    good: [
      ['*', ['*']],
      ['https://a.example', ['https://a.example']],
      ['https://a.example, http://localhost:8080', ['https://a.example', 'http://localhost:8080']],
    ],
    bad: ['a.example', 'https://a.example/', 'https://a.example/path', 'https://a.example,', 'null'],
  },
  TOKEN_SECRET: {
    default: undefined,
    good: same('s'.repeat(32)),
    bad: ['hidden', 'hidden-'.repeat(4)],
  },
  MAX_BODY_BYTES: integers(1_048_576, 1024, 104_857_600),
  APPEND_LANES: integers(1, 1, 16),
  APPEND_QUEUE_LIMIT: integers(10_000, 1, 1_000_000),
  MAX_CONNECTIONS_PER_USER: integers(1000, 1, 1_000_000),
  MAX_AGENT_CONNECTIONS: integers(1000, 1, 1_000_000),
  INBOX_LIMIT: integers(1000, 1, 100_000),
  MAX_CONNECTS_PER_SECOND: integers(2000, 1, 1_000_000),
  MAX_BUFFERED_BYTES: integers(4_194_304, 65_536, 1_073_741_824),
  RECONCILE_INTERVAL_MS: integers(2000, 50, 60_000),
  CLAIM_LEASE_MS: integers(30_000, 100, 3_600_000),
  STREAM_WINDOW_MS: integers(40, 1, 1000),
  STREAM_SAVE_MS: integers(250, 10, 10_000),
  STREAM_TIMEOUT_MS: integers(30_000, 100, 3_600_000),
  STREAM_MAX_MS: integers(600_000, 1000, 86_400_000),
  STREAM_STOP_GRACE_MS: integers(2000, 100, 600_000),
  MAX_STREAMS_PER_KEY: integers(1000, 1, 1_000_000),
  MAX_WEBHOOKS_PER_ACCOUNT: integers(20, 1, 10_000),
  WEBHOOK_ALLOW_PRIVATE_TARGETS: {
    default: 'off',
    good: same('off', 'on'),
    bad: ['true', 'ON', '1'],
  },
  WEBHOOK_TIMEOUT_MS: integers(10_000, 100, 60_000),
  WEBHOOK_CONCURRENCY: integers(50, 1, 1000),
  WEBHOOK_RETRY_BASE_MS: integers(5000, 10, 3_600_000),
  WEBHOOK_RETRY_MAX_MS: integers(3_600_000, 10, 86_400_000),
  WEBHOOK_RETRY_FOR_MS: integers(86_400_000, 100, 604_800_000),
  WEBHOOK_BREAKER_FAILURES: integers(10, 1, 1_000_000),
  WEBHOOK_BREAKER_MS: integers(30_000, 10, 3_600_000),
  WEBHOOK_LOG_DAYS: integers(30, 1, 3650),
  WEBHOOK_POLL_INTERVAL_MS: integers(1000, 50, 60_000),
  DRAIN_TIMEOUT_MS: integers(10_000, 0, 600_000),
  METRICS_TOKEN: {
    default: undefined,
    good: same('0123456789abcdef'),
    bad: ['hidden', 'hid den hid den hid den'],
  },
  LOG_LEVEL: {
    default: 'info',
    good: same('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
    bad: ['verbose', 'INFO'],
  },
};

const names = Object.keys(CASES) as Name[];
const good = names.flatMap((name) => CASES[name].good.map(([text, value]) => [name, text, value] as const));
const bad = names.flatMap((name) => CASES[name].bad.map((text) => [name, text] as const));

describe('configuration', () => {
  it('is tested here, every variable of it', () => {
    expect(Object.keys(VARIABLES)).toEqual(names);
  });

  it.each(names)('%s has its default when absent and when empty', (name) => {
    expect(loadConfig({})[name]).toEqual(CASES[name].default);
    expect(loadConfig({ [name]: '' })[name]).toEqual(CASES[name].default);
  });

  it.each(good)('%s may be %s', (name, text, value) => {
    expect(loadConfig({ [name]: text })[name]).toEqual(value);
  });

  it.each(bad)('%s may not be %s, and the error says whose fault it is', (name, text) => {
    const error = failure({ [name]: text });
    expect(error.problems).toEqual([expect.stringMatching(new RegExp(`^${name} must `))]);
  });

  it('names every bad variable at once, and repeats no value, for it may be a secret', () => {
    const env = Object.fromEntries(
      names.map((name) => [name, CASES[name].bad.find((text) => text.includes('hidden'))]),
    );
    const error = failure({ ...env, PORT: 'hidden', LOG_LEVEL: 'hidden', CORS_ORIGINS: 'hidden' });
    const blamed = error.problems.map((problem) => problem.split(' ')[0]);
    expect(blamed).toEqual([
      ...[
        'PORT',
        'DATABASE_URL',
        'REDIS_URL',
        'BOOTSTRAP_API_KEY',
        'CORS_ORIGINS',
        'TOKEN_SECRET',
        'METRICS_TOKEN',
      ],
      'LOG_LEVEL',
    ]);
    expect(error.message).not.toContain('hidden');
  });

  it('is frozen', () => {
    const config = loadConfig({});
    expect(Object.isFrozen(config)).toBe(true);
    expect(() => Object.assign(config, { PORT: 1 })).toThrow(TypeError);
  });

  it('ignores what it does not know', () => {
    expect(loadConfig({ NOT_MINE: 'x' })).toEqual(loadConfig({}));
  });

  it('listens to this machine only with its own database', () => {
    expect(listenHost(loadConfig({}))).toBe('127.0.0.1');
    expect(listenHost(loadConfig({ DATABASE_URL: 'postgres://db/parley' }))).toBe('0.0.0.0');
    expect(listenHost(loadConfig({ HOST: '::1', DATABASE_URL: 'postgres://db/parley' }))).toBe('::1');
  });
});

function failure(env: Record<string, string | undefined>): ConfigError {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('it was taken');
}
