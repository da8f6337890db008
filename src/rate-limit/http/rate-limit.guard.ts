import { type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import {
  InjectThrottlerOptions,
  InjectThrottlerStorage,
  ThrottlerGuard,
  type ThrottlerModuleOptions,
  type ThrottlerRequest,
  type ThrottlerStorage,
} from '@nestjs/throttler';
import type { FastifyReply } from 'fastify';
import { isPublic } from '../../auth/http/principal.guard.js';
import { type ChargedRequest, HttpRateLimit } from './http-rate-limit.js';

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

  protected override shouldSkip(context: ExecutionContext): Promise<boolean> {
    if (context.getType() !== 'http') return Promise.resolve(true);
    const free = isPublic(this.reflector, context);
    // Free of charge also when it fails, e.g. a health check of a node whose database is away.
    if (free) context.switchToHttp().getRequest<ChargedRequest>().charged = true;
    return Promise.resolve(free);
  }

  protected override async handleRequest({ context }: ThrottlerRequest): Promise<boolean> {
    const http = context.switchToHttp();
    await this.httpRateLimit.charge(http.getRequest<ChargedRequest>(), http.getResponse<FastifyReply>());
    return true;
  }
}
