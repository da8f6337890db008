import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, type Clock } from '../kernel/clock.js';
import { randomId } from '../kernel/ids.js';
import {
  type TokenRevocation,
  TokenRevocationRepository,
} from './persistence/token-revocation.repository.js';
import type { UserPrincipal } from './principal.js';
import { MAX_TOKEN_SECONDS } from './token-limits.js';

/** Clocks of nodes may differ by this much, in milliseconds: `refresh` looks back so far. */
const OVERLAP = 60_000;

/** The user tokens that no longer count. All of them fit in memory: each is forgotten when its tokens have expired. */
@Injectable()
export class TokenRevocations {
  private readonly known = new Map<string, TokenRevocation>();
  private readonly byUser = new Map<string, Set<TokenRevocation>>();
  private lookedAt = 0;

  constructor(
    private readonly repository: TokenRevocationRepository,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  isRevoked(token: UserPrincipal): boolean {
    for (const { tokenId, revokedAt } of this.byUser.get(userKey(token)) ?? [])
      if (tokenId === null ? token.issuedAt <= revokedAt.getTime() : tokenId === token.tokenId) return true;
    return false;
  }

  /** Revokes one token, or (`tokenId` null) all that this user has. Holds on this node at once. */
  async revoke(accountId: number, platformUserId: string, tokenId: string | null): Promise<TokenRevocation> {
    const now = this.clock.now();
    const expiresAt = new Date(now + (MAX_TOKEN_SECONDS + 60) * 1000);
    const revocation = {
      id: randomId('rev'),
      accountId,
      platformUserId,
      tokenId,
      revokedAt: new Date(now),
      expiresAt,
    };
    await this.repository.add(revocation);
    this.remember(revocation);
    return revocation;
  }

  /** Learns of what other nodes revoked, forgets what has expired. */
  async refresh(): Promise<void> {
    const now = this.clock.now();
    for (const revocation of await this.repository.since(new Date(this.lookedAt))) this.remember(revocation);
    this.lookedAt = now - OVERLAP;
    for (const revocation of this.known.values())
      if (revocation.expiresAt.getTime() < now) this.forget(revocation);
  }

  async deleteExpired(): Promise<void> {
    await this.repository.deleteExpired(new Date(this.clock.now()));
  }

  private remember(revocation: TokenRevocation): void {
    if (this.known.has(revocation.id)) return;
    this.known.set(revocation.id, revocation);
    const key = userKey(revocation);
    this.byUser.set(key, (this.byUser.get(key) ?? new Set()).add(revocation));
  }

  private forget(revocation: TokenRevocation): void {
    this.known.delete(revocation.id);
    const key = userKey(revocation);
    const rest = this.byUser.get(key);
    rest?.delete(revocation);
    if (rest?.size === 0) this.byUser.delete(key);
  }
}

function userKey({ accountId, platformUserId }: { accountId: number; platformUserId: string }): string {
  return `${accountId}:${platformUserId}`;
}
