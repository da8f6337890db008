import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource, MoreThanOrEqual } from 'typeorm';
import { ApiKeyEntity } from '../../database/entities/api-key.entity.js';
import { onDatabase } from '../../database/errors.js';
import type { ApiKey, NewApiKey } from '../api-key.js';
import type { Scope } from '../principal.js';

/** API keys in the database. Every method throws `service_unavailable` when the database is away. */
@Injectable()
export class ApiKeyRepository {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  findByHash(hash: Buffer): Promise<ApiKey | undefined> {
    return onDatabase(async () => toApiKey(await this.keys.findOneBy({ hash })));
  }

  find(accountId: number, id: string): Promise<ApiKey | undefined> {
    return onDatabase(async () => toApiKey(await this.keys.findOneBy({ accountId, id })));
  }

  /** Those that were made, revoked or given an end at or after `time`. */
  changedSince(time: Date): Promise<ApiKey[]> {
    return onDatabase(async () => {
      const rows = await this.keys.findBy({ changedAt: MoreThanOrEqual(time) });
      return rows.flatMap((row) => toApiKey(row) ?? []);
    });
  }

  list(accountId: number): Promise<ApiKey[]> {
    return onDatabase(async () => {
      const rows = await this.keys.find({ where: { accountId }, order: { createdAt: 'ASC', id: 'ASC' } });
      return rows.flatMap((row) => toApiKey(row) ?? []);
    });
  }

  /** @returns whether it was new; a key with the same hash stays as it is */
  create(key: NewApiKey): Promise<boolean> {
    return onDatabase(async () => {
      const inserted = await this.keys.createQueryBuilder().insert().values(key).orIgnore().execute();
      return Array.isArray(inserted.raw) && inserted.raw.length > 0;
    });
  }

  update(id: string, change: Partial<Pick<ApiKey, 'expiresAt' | 'revokedAt' | 'scopes'>>): Promise<void> {
    return onDatabase(
      async () => void (await this.keys.update({ id }, { ...change, changedAt: () => 'now()' })),
    );
  }

  private get keys() {
    return this.dataSource.getRepository(ApiKeyEntity);
  }
}

function toApiKey(row: ApiKeyEntity | null): ApiKey | undefined {
  if (!row) return undefined;
  const { id, accountId, name, prefix, scopes, rateLimitPerHour, createdAt, expiresAt, revokedAt } = row;
  return {
    id,
    accountId,
    name,
    prefix,
    scopes: scopes as Scope[],
    rateLimitPerHour,
    createdAt,
    expiresAt,
    revokedAt,
  };
}
