import {
  type CanActivate,
  createParamDecorator,
  type ExecutionContext,
  Injectable,
  SetMetadata,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { Authenticator } from '../authenticator.js';
import { type Principal, requireScope, type Scope } from '../principal.js';

/** What the guards leave on a request. */
export interface AuthenticatedRequest {
  headers: Record<string, string | string[] | undefined>;
  principal?: Principal;
}

const PUBLIC = 'parley:public';
const SCOPES_NEEDED = 'parley:scopes';

/** A route that needs no credential and spends no rate limit: health, metrics, documentation. */
export const Public = (): ClassDecorator & MethodDecorator => SetMetadata(PUBLIC, true);

/** The scopes of which a caller needs one. */
export const NeedsScope = (...scopes: Scope[]): ClassDecorator & MethodDecorator =>
  SetMetadata(SCOPES_NEEDED, scopes);

/** The principal of the request. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): Principal => {
  return context.switchToHttp().getRequest<Required<AuthenticatedRequest>>().principal;
});

export function isPublic(reflector: Reflector, context: ExecutionContext): boolean {
  return (
    reflector.getAllAndOverride<boolean | undefined>(PUBLIC, [context.getHandler(), context.getClass()]) ??
    false
  );
}

/** Finds out who is asking, over REST. Sockets do the same in their handshake. */
@Injectable()
export class PrincipalGuard implements CanActivate {
  constructor(
    private readonly authenticator: Authenticator,
    private readonly reflector: Reflector,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (context.getType() !== 'http' || isPublic(this.reflector, context)) return true;
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    request.principal = await this.authenticator.header(
      request.headers['authorization'] as string | undefined,
    );
    return true;
  }
}

/** Lets a principal through that has one of the scopes which the route needs. Runs after the rate limit. */
@Injectable()
export class ScopeGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    if (context.getType() !== 'http' || isPublic(this.reflector, context)) return true;
    const targets = [context.getHandler(), context.getClass()];
    const scopes = this.reflector.getAllAndOverride<Scope[] | undefined>(SCOPES_NEEDED, targets);
    const { principal } = context.switchToHttp().getRequest<Required<AuthenticatedRequest>>();
    if (scopes) requireScope(principal, ...scopes);
    return true;
  }
}
