import { type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import {
  InjectThrottlerOptions,
  InjectThrottlerStorage,
  ThrottlerGuard,
  type ThrottlerModuleOptions,
  type ThrottlerStorage,
} from '@nestjs/throttler';
import type { FastifyReply } from 'fastify';
import { requestOf, routeRules } from '../../auth/http/principal.guard.js';
import { type ChargedRequest, HttpRateLimit } from './http-rate-limit.js';

const allowed = (): boolean => true;
/** For whoever has no limit, one promise is enough. */
const ALLOWED = Promise.resolve(true);

/** @nestjs/throttler's guard with the contract's budget: one for each principal, over all endpoints. */
@Injectable()
export class RateLimitGuard extends ThrottlerGuard {
  constructor(
    @InjectThrottlerOptions() options: ThrottlerModuleOptions,
    @InjectThrottlerStorage() storage: ThrottlerStorage,
    reflector: Reflector,
    private readonly httpRateLimit: HttpRateLimit,
  ) {
    super(options, storage, reflector);
  }

  /** The parent would read ten decorators, none of which is used here, at each request. */
  override canActivate(context: ExecutionContext): Promise<boolean> {
    if (context.getType() !== 'http') return ALLOWED;
    const request = requestOf<ChargedRequest>(context);
    // Free of charge also when it fails, e.g. a health check of a node whose database is away.
    if (routeRules(this.reflector, context).isPublic) request.charged = true;
    return (
      this.httpRateLimit.charge(request, context.getArgByIndex<FastifyReply>(1))?.then(allowed) ?? ALLOWED
    );
  }
}
