import { normalizeIp } from '@nestjs/throttler';
import type { Principal } from '../auth/principal.js';
import type { Config } from '../config/config.js';

/** The published rule counts by the hour. Milliseconds. */
export const WINDOW = 3_600_000;
/** An IPv6 site has a /64 at least: one budget for all its addresses. */
const IPV6_PREFIX = 64;

/** What a request is charged to. */
export interface Budget {
  /** One for each principal, over all endpoints and socket events. */
  readonly key: string;
  /** Requests in a window; 0 means unlimited. */
  readonly limit: number;
}

/** The budget of a principal: a key has one, all tokens of a platform user share one. */
export function budgetOf(principal: Principal, config: Config): Budget {
  if (principal.kind === 'api_key')
    return { key: `key:${principal.keyId}`, limit: principal.rateLimitPerHour ?? config.RATE_LIMIT_PER_HOUR };
  return {
    key: `user:${principal.accountId}:${principal.platformUserId}`,
    limit: config.USER_RATE_LIMIT_PER_HOUR,
  };
}

/** The budget of somebody who has not said who they are. */
export function budgetOfAddress(address: string, config: Config): Budget {
  return { key: `address:${normalizeIp(address, IPV6_PREFIX)}`, limit: config.RATE_LIMIT_PER_HOUR };
}
