import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { errors, jwtVerify, SignJWT } from 'jose';
import { CONFIG, type Config } from '../config/config.js';
import { Settings } from '../database/settings.js';
import { CLOCK, type Clock } from '../kernel/clock.js';
import { ParleyError } from '../kernel/errors.js';
import { randomId } from '../kernel/ids.js';
import { KeyCache } from './key-cache.js';
import type { KeyPrincipal, UserPrincipal } from './principal.js';
import { TokenRevocations } from './token-revocations.js';

const ISSUER = 'parley';
const ALGORITHM = 'HS256';

export interface MintedToken {
  token: string;
  /** Milliseconds since the epoch. */
  expiresAt: number;
}

/** User tokens: JSON Web Tokens (RFC 7519), signed with HMAC-SHA-256, for one platform user. */
@Injectable()
export class UserTokens implements OnModuleInit {
  private secret: KeyObject;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly settings: Settings,
    private readonly keys: KeyCache,
    private readonly revocations: TokenRevocations,
  ) {}

  async onModuleInit(): Promise<void> {
    const secret =
      this.config.TOKEN_SECRET ??
      (await this.settings.getOrCreate('token_secret', () => randomBytes(32).toString('base64url')));
    this.secret = createSecretKey(Buffer.from(secret));
  }

  /** @param seconds how long it lives */
  async mint(key: KeyPrincipal, platformUserId: string, seconds: number): Promise<MintedToken> {
    const now = this.clock.now();
    const expiresAt = now + seconds * 1000;
    const token = await new SignJWT({ acc: key.accountId, key: key.keyId })
      .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT' })
      .setIssuer(ISSUER)
      .setSubject(platformUserId)
      .setJti(randomId('tok'))
      .setIssuedAt(now / 1000) // with milliseconds (RFC 7519 allows it), so that "revoked until now" is exact
      .setExpirationTime(expiresAt / 1000)
      .sign(this.secret);
    return { token, expiresAt };
  }

  /** @throws ParleyError `invalid_token` or `expired_token` */
  async verify(token: string): Promise<UserPrincipal> {
    const principal = await this.read(token);
    // jose compares whole seconds.
    if (principal.expiresAt <= this.clock.now()) throw new ParleyError('expired_token');
    const key = await this.keys.get(principal.accountId, principal.keyId);
    if (!key || !this.isLive(principal)) throw new ParleyError('invalid_token');
    return principal;
  }

  /** Whether a verified token still counts, by what this node knows right now. */
  isLive(token: UserPrincipal): boolean {
    const isRevoked = this.keys.peek(token.keyId)?.revokedAt != null || this.revocations.isRevoked(token);
    return token.expiresAt > this.clock.now() && !isRevoked;
  }

  private async read(token: string): Promise<UserPrincipal> {
    try {
      const { payload } = await jwtVerify(token, this.secret, {
        algorithms: [ALGORITHM],
        issuer: ISSUER,
        requiredClaims: ['sub', 'jti', 'iat', 'exp', 'acc', 'key'],
        currentDate: new Date(this.clock.now()),
      });
      return {
        kind: 'user_token',
        accountId: Number(payload['acc']),
        platformUserId: String(payload.sub),
        tokenId: String(payload.jti),
        keyId: String(payload['key']),
        issuedAt: Math.round(Number(payload.iat) * 1000),
        expiresAt: Math.round(Number(payload.exp) * 1000),
      };
    } catch (error) {
      throw new ParleyError(error instanceof errors.JWTExpired ? 'expired_token' : 'invalid_token');
    }
  }
}
