import { integer, oneOf, type Variable } from './variables.js';

/** What of webhooks is configured. */
export const WEBHOOK_VARIABLES = {
  MAX_WEBHOOKS_PER_ACCOUNT: integer(20, 'Webhooks that one account may have.', { min: 1, max: 10_000 }),
  WEBHOOK_ALLOW_PRIVATE_TARGETS: oneOf(
    ['off', 'on'],
    'off',
    'Whether webhooks may go to private, loopback and reserved addresses: `on` for development, and for networks where whoever has a key with the scope `admin` may reach everything.',
  ),
  WEBHOOK_TIMEOUT_MS: integer(10_000, 'How long the endpoint of a webhook has to answer, in milliseconds.', {
    min: 100,
    max: 60_000,
  }),
  WEBHOOK_CONCURRENCY: integer(
    50,
    'Webhook requests that one node makes at once; an endpoint that is slow gets half of them at most.',
    {
      min: 1,
      max: 1000,
    },
  ),
  WEBHOOK_RETRY_BASE_MS: integer(
    5000,
    'Longest wait before the first retry of a webhook, in milliseconds; it doubles with each further one, and up to half of it is left out at random.',
    { min: 10, max: 3_600_000 },
  ),
  WEBHOOK_RETRY_MAX_MS: integer(
    3_600_000,
    'Longest wait between two retries of a webhook, in milliseconds.',
    {
      min: 10,
      max: 86_400_000,
    },
  ),
  WEBHOOK_RETRY_FOR_MS: integer(
    86_400_000,
    'How long a webhook is retried before it becomes a dead letter, in milliseconds.',
    { min: 100, max: 604_800_000 },
  ),
  WEBHOOK_BREAKER_FAILURES: integer(
    10,
    'Failures in a row after which an endpoint is left alone for a while (circuit breaker).',
    { min: 1, max: 1_000_000 },
  ),
  WEBHOOK_BREAKER_MS: integer(
    30_000,
    'How long that lasts, in milliseconds; it doubles with each probe that fails, up to 32 times as long.',
    { min: 10, max: 3_600_000 },
  ),
  WEBHOOK_LOG_DAYS: integer(
    30,
    'How long the delivery log of webhooks, dead letters included, is kept, in days.',
    { min: 1, max: 3650 },
  ),
  WEBHOOK_POLL_INTERVAL_MS: integer(
    1000,
    'How often a node looks for webhooks that other nodes have left to deliver, in milliseconds.',
    { min: 50, max: 60_000 },
  ),
} as const satisfies Record<string, Variable<unknown>>;
