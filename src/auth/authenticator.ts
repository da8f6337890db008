import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { CLOCK, type Clock } from '../kernel/clock.js';
import { ParleyError } from '../kernel/errors.js';
import { hashSecret } from './api-key-secret.js';
import { KeyCache } from './key-cache.js';
import type { ApiKey } from './api-key.js';
import type { KeyPrincipal, Principal } from './principal.js';
import { UserTokens } from './user-tokens.js';

/** Three base64url parts: a JSON Web Token in compact form (RFC 7515 section 3.1). */
const COMPACT_JWT = /^eyJ[\w-]*\.[\w-]*\.[\w-]*$/;
/** Longest credential that is looked at. */
const MAX_CREDENTIAL_LENGTH = 4096;
/** How many headers are remembered with who sent them, and their characters in all. */
const REMEMBERED = { max: 10_000, maxSize: 4_000_000 };

/** Who is asking: one answer for REST and for sockets. */
@Injectable()
export class Authenticator {
  /** Who sent which header lately: a look here spares hashing a key, or verifying a signature, at each request. */
  private readonly recent = new LRUCache<string, Principal>({
    ...REMEMBERED,
    sizeCalculation: (_, header) => header.length,
  });

  constructor(
    private readonly keys: KeyCache,
    private readonly tokens: UserTokens,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Who sends this `Authorization` header, if they sent it lately and still count: known at once. */
  known(header: string | undefined): Principal | undefined {
    const principal = header === undefined ? undefined : this.recent.get(header);
    return principal && this.isUnchanged(principal) ? principal : undefined;
  }

  /**
   * @param header an `Authorization` header
   * @throws ParleyError `missing_api_key`, and what {@link key} and {@link UserTokens.verify} throw
   */
  async header(header: string | undefined): Promise<Principal> {
    const principal = await this.read(header);
    this.recent.set(header as string, principal);
    return principal;
  }

  private async read(header: string | undefined): Promise<Principal> {
    const credential = /^Bearer +(\S+) *$/i.exec(header ?? '')?.[1];
    if (credential !== undefined)
      return COMPACT_JWT.test(credential) ? this.token(credential) : this.key(credential);
    if (/^Bearer *$/i.test(header ?? ''))
      throw new ParleyError(
        'invalid_api_key',
        'The Authorization header has an empty key: "Bearer" and nothing after it.',
      );
    if (header)
      throw new ParleyError(
        'invalid_api_key',
        'The Authorization header must be "Bearer <API key or user token>".',
      );
    throw new ParleyError('missing_api_key');
  }

  /** @throws ParleyError `invalid_api_key` or `expired_api_key` */
  async key(secret: string): Promise<KeyPrincipal> {
    if (secret.length > MAX_CREDENTIAL_LENGTH) throw new ParleyError('invalid_api_key');
    const key = await this.keys.byHash(hashSecret(secret));
    if (!key || key.revokedAt) throw new ParleyError('invalid_api_key');
    if (this.hasExpired(key)) throw new ParleyError('expired_api_key');
    return toPrincipal(key);
  }

  /** @throws ParleyError `invalid_token` or `expired_token` */
  async token(token: string): Promise<Principal> {
    if (token.length > MAX_CREDENTIAL_LENGTH) throw new ParleyError('invalid_token');
    return this.tokens.verify(token);
  }

  /** Why a principal that was authenticated earlier no longer counts; `undefined` while it does. */
  problem(
    principal: Principal,
  ): 'expired_token' | 'invalid_token' | 'expired_api_key' | 'invalid_api_key' | undefined {
    if (principal.kind === 'user_token') {
      if (principal.expiresAt <= this.clock.now()) return 'expired_token';
      return this.tokens.isLive(principal) ? undefined : 'invalid_token';
    }
    const key = this.keys.peek(principal.keyId);
    if (key?.revokedAt) return 'invalid_api_key';
    return key && this.hasExpired(key) ? 'expired_api_key' : undefined;
  }

  /** Whether what made a principal is as it was: its key is known here, and was not read anew since, as what changes is. */
  private isUnchanged(principal: Principal): boolean {
    const key = this.keys.peek(principal.keyId);
    if (!key || this.problem(principal)) return false;
    return principal.kind === 'user_token' || key.scopes === principal.scopes;
  }

  private hasExpired(key: ApiKey): boolean {
    return key.expiresAt !== null && key.expiresAt.getTime() <= this.clock.now();
  }
}

function toPrincipal(key: ApiKey): KeyPrincipal {
  return {
    kind: 'api_key',
    accountId: key.accountId,
    keyId: key.id,
    scopes: key.scopes,
    rateLimitPerHour: key.rateLimitPerHour,
    expiresAt: key.expiresAt?.getTime() ?? null,
  };
}
