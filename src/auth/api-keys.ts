import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, type Clock } from '../kernel/clock.js';
import { conflict, notFound } from '../kernel/errors.js';
import { randomId } from '../kernel/ids.js';
import { hashSecret, newSecret, secretPrefix } from './api-key-secret.js';
import { CredentialWatch } from './credential-watch.js';
import type { ApiKey } from './api-key.js';
import { ApiKeyRepository } from './persistence/api-key.repository.js';
import { SCOPES, type Scope } from './principal.js';

export interface KeyWishes {
  name: string;
  scopes: readonly Scope[];
  rateLimitPerHour?: number | null;
  /** Seconds until it expires; without it never. */
  expiresIn?: number;
}

/** A key together with its secret, which is known only now. */
export interface CreatedKey {
  key: ApiKey;
  secret: string;
}

/** API keys of an account. A key that another account has does not exist here. */
@Injectable()
export class ApiKeys {
  constructor(
    private readonly repository: ApiKeyRepository,
    private readonly watch: CredentialWatch,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  list(accountId: number): Promise<ApiKey[]> {
    return this.repository.list(accountId);
  }

  async create(accountId: number, wishes: KeyWishes): Promise<CreatedKey> {
    const secret = newSecret();
    const id = randomId('key');
    await this.store(id, accountId, wishes, secret);
    return { key: await this.get(accountId, id), secret };
  }

  /**
   * A key to begin with, with every scope. It has one id for each account, so nodes that start together make one.
   *
   * @returns its secret, or `undefined` when there was one already
   */
  async createFirst(accountId: number): Promise<string | undefined> {
    const secret = newSecret();
    const wishes = { name: 'first key', scopes: SCOPES };
    return (await this.store(`key_first${accountId}`, accountId, wishes, secret)) ? secret : undefined;
  }

  /**
   * Makes sure that `secret` is a key of the account with every scope: `BOOTSTRAP_API_KEY`.
   *
   * @throws Error when it was a key that somebody has ended: a start does not bring it back
   */
  async ensure(accountId: number, secret: string): Promise<void> {
    const known = await this.repository.findByHash(hashSecret(secret));
    if (!known)
      return void (await this.store(
        randomId('key'),
        accountId,
        { name: 'bootstrap', scopes: SCOPES },
        secret,
      ));
    if (known.accountId !== accountId || known.revokedAt || this.hasExpired(known))
      throw new Error(
        "BOOTSTRAP_API_KEY was revoked, has expired or is another account's: choose another one.",
      );
    if (SCOPES.some((scope) => !known.scopes.includes(scope)))
      await this.repository.update(known.id, { scopes: [...SCOPES] });
  }

  /** Ends a key now, and with it the user tokens that it minted and every connection that uses either. */
  async revoke(accountId: number, id: string): Promise<ApiKey> {
    const key = await this.get(accountId, id);
    if (!key.revokedAt) await this.repository.update(id, { revokedAt: new Date(this.clock.now()) });
    await this.watch.look();
    return this.get(accountId, id);
  }

  /**
   * A new key with the same name, scopes and limit; the old one works for `graceSeconds` more.
   *
   * @throws ParleyError `resource_conflict` for a key that no longer works
   */
  async rotate(accountId: number, id: string, graceSeconds: number): Promise<CreatedKey> {
    const old = await this.get(accountId, id);
    const end = new Date(this.clock.now() + graceSeconds * 1000);
    if (old.revokedAt || this.hasExpired(old))
      throw conflict('This key no longer works, so it cannot be rotated.');
    const created = await this.create(accountId, { ...old, rateLimitPerHour: old.rateLimitPerHour });
    if (!old.expiresAt || old.expiresAt > end) await this.repository.update(id, { expiresAt: end });
    await this.watch.look();
    return created;
  }

  /** @throws ParleyError `resource_not_found` */
  async get(accountId: number, id: string): Promise<ApiKey> {
    const key = await this.repository.find(accountId, id);
    if (!key) throw notFound('API key');
    return key;
  }

  private hasExpired({ expiresAt }: ApiKey): boolean {
    return expiresAt !== null && expiresAt.getTime() <= this.clock.now();
  }

  /** @returns whether it was new; a key with this id or secret stays as it is */
  private store(id: string, accountId: number, wishes: KeyWishes, secret: string): Promise<boolean> {
    return this.repository.create({
      id,
      accountId,
      name: wishes.name,
      prefix: secretPrefix(secret),
      hash: hashSecret(secret),
      scopes: [...new Set(wishes.scopes)],
      rateLimitPerHour: wishes.rateLimitPerHour ?? null,
      expiresAt: wishes.expiresIn === undefined ? null : new Date(this.clock.now() + wishes.expiresIn * 1000),
    });
  }
}
