import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Principal } from '../../auth/principal.js';
import { CONFIG, type Config } from '../../config/config.js';
import { type Budget, budgetOf, budgetOfAddress } from '../budget.js';
import { RateLimit, rateLimitExceeded, rateLimitHeaders } from '../rate-limit.js';

export type ChargedRequest = FastifyRequest & { principal?: Principal; charged?: boolean };

/** Charges a request once, and writes what is left in its answer's headers. */
@Injectable()
export class HttpRateLimit {
  constructor(
    private readonly rateLimit: RateLimit,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** @returns nothing to wait for when there is no limit. @throws ParleyError `rate_limit_exceeded` */
  charge(request: ChargedRequest, reply: FastifyReply): Promise<void> | undefined {
    if (request.charged) return undefined;
    request.charged = true;
    const budget = request.principal
      ? budgetOf(request.principal, this.config)
      : budgetOfAddress(request.ip, this.config);
    return budget.limit === 0 ? undefined : this.spend(budget, reply);
  }

  private async spend(budget: Budget, reply: FastifyReply): Promise<void> {
    const allowance = await this.rateLimit.spend(budget);
    if (!allowance) return;
    reply.headers(rateLimitHeaders(allowance));
    if (allowance.exceeded) throw rateLimitExceeded(allowance);
  }
}
