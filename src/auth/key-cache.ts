import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { CLOCK, type Clock } from '../kernel/clock.js';
import type { ApiKey } from './api-key.js';
import { ApiKeyRepository } from './persistence/api-key.repository.js';

const CACHED_KEYS = 10_000;
/** Clocks of nodes and database may differ by this much, in milliseconds: `refresh` looks back so far. */
const OVERLAP = 60_000;

/**
 * Keys in memory, so that a request needs no look-up. Fresh by `refresh`, which the credential watch calls: a key that
 * another process revoked is known here within one interval, one that this process revoked at once.
 */
@Injectable()
export class KeyCache {
  private readonly byId = new LRUCache<string, ApiKey>({ max: CACHED_KEYS });
  private readonly idByHash = new LRUCache<string, string>({ max: CACHED_KEYS });

  /** Keys that were revoked or given an end since this node began, in use here or not. */
  private readonly ended = new Map<string, ApiKey>();
  private lookedAt: number;

  constructor(
    private readonly repository: ApiKeyRepository,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.lookedAt = clock.now();
  }

  async byHash(hash: Buffer): Promise<ApiKey | undefined> {
    const text = hash.toString('base64');
    const known = this.byId.get(this.idByHash.get(text) ?? '');
    if (known) return known;
    const key = await this.repository.findByHash(hash);
    if (!key) return undefined;
    this.idByHash.set(text, key.id);
    this.byId.set(key.id, key);
    return key;
  }

  async get(accountId: number, id: string): Promise<ApiKey | undefined> {
    const known = this.byId.get(id);
    if (known) return known.accountId === accountId ? known : undefined;
    const key = await this.repository.find(accountId, id);
    if (key) this.byId.set(id, key);
    return key;
  }

  /** What is known of a key without asking the database. */
  peek(id: string): ApiKey | undefined {
    return this.byId.peek(id) ?? this.ended.get(id);
  }

  /** Learns which keys changed, here or in another process. */
  async refresh(): Promise<void> {
    const now = this.clock.now();
    for (const key of await this.repository.changedSince(new Date(this.lookedAt - OVERLAP))) {
      if (this.byId.has(key.id)) this.byId.set(key.id, key);
      if (key.revokedAt || key.expiresAt) this.ended.set(key.id, key);
    }
    this.lookedAt = now;
  }
}
