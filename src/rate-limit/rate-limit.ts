import { Inject, Injectable } from '@nestjs/common';
import { ThrottlerStorage } from '@nestjs/throttler';
import { CLOCK, type Clock } from '../kernel/clock.js';
import { ParleyError } from '../kernel/errors.js';
import { type Budget, WINDOW } from './budget.js';

/** What is left of a budget. */
export interface Allowance {
  readonly limit: number;
  readonly remaining: number;
  /** Seconds until the window ends and the budget is whole again. */
  readonly resetIn: number;
  /** The same as Unix time, in seconds. */
  readonly resetAt: number;
  readonly exceeded: boolean;
}

/** One count for each principal, whichever way a request came. */
@Injectable()
export class RateLimit {
  constructor(
    @Inject(ThrottlerStorage) private readonly storage: ThrottlerStorage,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Whether this node counts by itself, because what it shares with others is away or slow. */
  get isLocal(): boolean {
    return (this.storage as ThrottlerStorage & { readonly isLocal?: boolean }).isLocal ?? false;
  }

  /** Spends one unit. @returns what is left, or `undefined` for a budget without limit */
  async spend({ key, limit }: Budget): Promise<Allowance | undefined> {
    if (limit === 0) return undefined;
    const { totalHits, timeToExpire, isBlocked } = await this.storage.increment(
      key,
      WINDOW,
      limit,
      WINDOW,
      'default',
    );
    return {
      limit,
      remaining: Math.max(0, limit - totalHits),
      resetIn: timeToExpire,
      resetAt: Math.floor(this.clock.now() / 1000) + timeToExpire,
      exceeded: isBlocked,
    };
  }

  /** Spends one unit. @throws ParleyError `rate_limit_exceeded` */
  async charge(budget: Budget): Promise<void> {
    const allowance = await this.spend(budget);
    if (allowance?.exceeded) throw rateLimitExceeded(allowance);
  }
}

export function rateLimitExceeded({ limit, resetIn, resetAt }: Allowance): ParleyError {
  const message = `The limit of ${limit} requests per hour is used up. Try again in ${resetIn} s.`;
  return new ParleyError('rate_limit_exceeded', message, { limit, reset_at: resetAt }, resetIn);
}

/** The headers of every answer (contract, "Rate limit"; IETF draft-ietf-httpapi-ratelimit-headers). */
export function rateLimitHeaders({ limit, remaining, resetIn, resetAt }: Allowance): Record<string, string> {
  return {
    'x-ratelimit-limit': String(limit),
    'x-ratelimit-remaining': String(remaining),
    'x-ratelimit-reset': String(resetAt),
    'ratelimit-policy': `"default";q=${limit};w=${WINDOW / 1000}`,
    ratelimit: `"default";r=${remaining};t=${resetIn}`,
  };
}
