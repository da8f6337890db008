import { ParleyError, invalidParameter } from '../kernel/errors.js';

/** What an API key may do. Contract section 1. */
export const SCOPES = ['user', 'agent', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** Somebody with an API key: acts for an account. */
export interface KeyPrincipal {
  readonly kind: 'api_key';
  readonly accountId: number;
  readonly keyId: string;
  readonly scopes: readonly Scope[];
  /** Requests per hour; null means the server's default. */
  readonly rateLimitPerHour: number | null;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number | null;
}

/** Somebody with a user token: acts as exactly one platform user. */
export interface UserPrincipal {
  readonly kind: 'user_token';
  readonly accountId: number;
  readonly platformUserId: string;
  readonly tokenId: string;
  /** The key that minted the token: when it is revoked, so is the token. */
  readonly keyId: string;
  /** Milliseconds since the epoch. */
  readonly issuedAt: number;
  readonly expiresAt: number;
}

/** Who is asking. */
export type Principal = KeyPrincipal | UserPrincipal;

/** Whom a connection was verified to belong to; the only source of who it is. */
export interface ConnectedUser {
  principal: Principal;
  platformUserId: string;
  /** The internal id of the user's log. */
  userId: number;
}

/** @throws ParleyError `insufficient_permissions` unless the principal has one of the scopes; a user token counts as `user` */
export function requireScope(principal: Principal, ...scopes: readonly Scope[]): void {
  const own = principal.kind === 'user_token' ? (['user'] as const) : principal.scopes;
  if (scopes.some((scope) => own.includes(scope))) return;
  throw new ParleyError('insufficient_permissions', `This needs the scope ${scopes.join(' or ')}.`, {
    scopes,
  });
}

/**
 * The platform user whom a request is about: a key names one, a user token is one.
 *
 * @throws ParleyError `missing_parameter` when a key names none, `insufficient_permissions` when a token names another
 */
export function actingUser(
  principal: Principal,
  named: string | undefined,
  field = 'platform_user_id',
): string {
  if (principal.kind === 'user_token') {
    if (named === undefined || named === principal.platformUserId) return principal.platformUserId;
    throw new ParleyError('insufficient_permissions', 'A user token acts for its own platform user only.');
  }
  if (named !== undefined) return named;
  throw new ParleyError('missing_parameter', `${field} is required`, {
    fields: { [field]: [`${field} is required`] },
  });
}

/** The scopes among `texts`. @throws ParleyError `invalid_parameter` for anything else */
export function parseScopes(texts: readonly string[]): Scope[] {
  const unknown = texts.find((text) => !(SCOPES as readonly string[]).includes(text));
  if (unknown !== undefined || texts.length === 0)
    throw invalidParameter('scopes', `must be of ${SCOPES.join(', ')}`);
  return [...new Set(texts)] as Scope[];
}
