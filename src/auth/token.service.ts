import { Injectable } from '@nestjs/common';
import { ParleyError } from '../kernel/errors.js';
import { CredentialWatch } from './credential-watch.js';
import type { KeyPrincipal, Principal } from './principal.js';
import { TokenRevocations } from './token-revocations.js';
import { type MintedToken, UserTokens } from './user-tokens.js';

/** Minting and ending user tokens, which is for API keys only: a token cannot prolong itself. */
@Injectable()
export class TokenService {
  constructor(
    private readonly tokens: UserTokens,
    private readonly revocations: TokenRevocations,
    private readonly watch: CredentialWatch,
  ) {}

  /** @param seconds how long it lives */
  async mint(caller: Principal, platformUserId: string, seconds: number): Promise<MintedToken> {
    return this.tokens.mint(requireKey(caller), platformUserId, seconds);
  }

  /** @returns since when none of the user's earlier tokens counts */
  async revokeAll(caller: Principal, platformUserId: string): Promise<Date> {
    const { revokedAt } = await this.revocations.revoke(requireKey(caller).accountId, platformUserId, null);
    await this.watch.look();
    return revokedAt;
  }
}

function requireKey(caller: Principal): KeyPrincipal {
  if (caller.kind === 'api_key') return caller;
  throw new ParleyError(
    'insufficient_permissions',
    'This needs an API key: a user token cannot manage tokens.',
  );
}
