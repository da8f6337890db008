import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import type { ApiKey } from './api-key.js';
import { ApiKeyRepository } from './persistence/api-key.repository.js';

const CACHED_KEYS = 10_000;

/**
 * Keys in memory, so that a request needs no look-up. Fresh by `refresh`, which the credential watch calls: a key that
 * another process revoked is known here within one interval, one that this process revoked at once.
 */
@Injectable()
export class KeyCache {
  private readonly byId = new LRUCache<string, ApiKey>({ max: CACHED_KEYS });
  private readonly idByHash = new LRUCache<string, string>({ max: CACHED_KEYS });

  constructor(private readonly repository: ApiKeyRepository) {}

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
    return this.byId.peek(id);
  }

  forget(id: string): void {
    this.byId.delete(id);
  }

  /** Reads every cached key again. */
  async refresh(): Promise<void> {
    const ids = [...this.byId.keys()];
    if (ids.length === 0) return;
    const fresh = new Map((await this.repository.findMany(ids)).map((key) => [key.id, key]));
    for (const id of ids) {
      const key = fresh.get(id);
      if (key) this.byId.set(id, key);
      else this.byId.delete(id);
    }
  }
}
