import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { CONFIG, type Config } from '../config/config.js';
import { budgetOf } from '../rate-limit/budget.js';
import { RateLimit } from '../rate-limit/rate-limit.js';
import type { Caller } from './connection.js';
import { Uncharged } from './uncharged.decorator.js';

/** What a client sends costs one unit of its principal's budget, as a REST call does. */
@Injectable()
export class SocketRateLimitGuard implements CanActivate {
  constructor(
    private readonly rateLimit: RateLimit,
    @Inject(CONFIG) private readonly config: Config,
    private readonly reflector: Reflector,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (this.reflector.get(Uncharged, context.getHandler())) return true;
    const { principal } = context.switchToWs().getClient<Caller>().data;
    await this.rateLimit.charge(budgetOf(principal, this.config));
    return true;
  }
}
