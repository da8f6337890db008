import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource, LessThan, MoreThanOrEqual } from 'typeorm';
import { TokenRevocationEntity } from '../../database/entities/token-revocation.entity.js';
import { onDatabase } from '../../database/errors.js';

export interface TokenRevocation {
  id: string;
  accountId: number;
  platformUserId: string;
  /** Null: every token that this user got until `revokedAt`. */
  tokenId: string | null;
  revokedAt: Date;
  expiresAt: Date;
}

@Injectable()
export class TokenRevocationRepository {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  async add(revocation: TokenRevocation): Promise<void> {
    await onDatabase(() => this.revocations.insert(revocation));
  }

  /** Those that were made at or after `time`. */
  async since(time: Date): Promise<TokenRevocation[]> {
    return onDatabase(() => this.revocations.findBy({ revokedAt: MoreThanOrEqual(time) }));
  }

  /** Deletes those about tokens that have expired by themselves. */
  async deleteExpired(now: Date): Promise<void> {
    await onDatabase(() => this.revocations.delete({ expiresAt: LessThan(now) }));
  }

  private get revocations() {
    return this.dataSource.getRepository(TokenRevocationEntity);
  }
}
