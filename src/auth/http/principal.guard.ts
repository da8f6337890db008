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
  return requestOf<Required<AuthenticatedRequest>>(context).principal;
});

/** What decorators say of a route. */
interface RouteRules {
  readonly isPublic: boolean;
  readonly scopes: readonly Scope[];
}

const NO_ROUTE: RouteRules = { isPublic: true, scopes: [] };
const rulesOf = new WeakMap<object, RouteRules>();

/** Read once for each route: decorators do not change, and reading them costs more than a guard does. */
export function routeRules(reflector: Reflector, context: ExecutionContext): RouteRules {
  if (context.getType() !== 'http') return NO_ROUTE;
  const handler = context.getHandler();
  const known = rulesOf.get(handler);
  if (known) return known;
  const targets = [handler, context.getClass()];
  const rules = {
    isPublic: reflector.getAllAndOverride<boolean | undefined>(PUBLIC, targets) ?? false,
    scopes: reflector.getAllAndOverride<Scope[] | undefined>(SCOPES_NEEDED, targets) ?? [],
  };
  rulesOf.set(handler, rules);
  return rules;
}

/** `switchToHttp` makes an object and four functions for it, at each call. */
export function requestOf<T>(context: ExecutionContext): T {
  return context.getArgByIndex<T>(0);
}

function headerOf({ headers }: AuthenticatedRequest): string | undefined {
  return headers['authorization'] as string | undefined;
}

/** Finds out who is asking, over REST. Sockets do the same in their handshake. */
@Injectable()
export class PrincipalGuard implements CanActivate {
  constructor(
    private readonly authenticator: Authenticator,
    private readonly reflector: Reflector,
  ) {}

  /** Answers at once for whoever was here lately: what waits costs every request. */
  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    if (routeRules(this.reflector, context).isPublic) return true;
    const request = requestOf<AuthenticatedRequest>(context);
    const known = this.authenticator.known(headerOf(request));
    if (!known) return this.authenticate(request);
    request.principal = known;
    return true;
  }

  private async authenticate(request: AuthenticatedRequest): Promise<boolean> {
    request.principal = await this.authenticator.header(headerOf(request));
    return true;
  }
}

/** Lets a principal through that has one of the scopes which the route needs. Runs after the rate limit. */
@Injectable()
export class ScopeGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const { isPublic, scopes } = routeRules(this.reflector, context);
    if (isPublic || scopes.length === 0) return true;
    requireScope(requestOf<Required<AuthenticatedRequest>>(context).principal, ...scopes);
    return true;
  }
}
