import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply } from 'fastify';
import { requestOf, routeRules } from '../../auth/http/principal.guard.js';
import { type ChargedRequest, HttpRateLimit } from './http-rate-limit.js';

const allowed = (): boolean => true;

/**
 * The contract's budget, counted in the storage of @nestjs/throttler: one for each principal, over all endpoints. That
 * library's own guard reads ten decorators of the route at each request, none of which is used here, and can only answer
 * with a promise (decision 22).
 */
@Injectable()
export class RateLimitGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly httpRateLimit: HttpRateLimit,
  ) {}

  /** Answers at once for whoever has no limit: what waits costs every request. */
  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    if (context.getType() !== 'http') return true;
    const request = requestOf<ChargedRequest>(context);
    // Free of charge also when it fails, e.g. a health check of a node whose database is away.
    if (routeRules(this.reflector, context).isPublic) request.charged = true;
    return this.httpRateLimit.charge(request, context.getArgByIndex<FastifyReply>(1))?.then(allowed) ?? true;
  }
}
