import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { AccountEntity } from '../../database/entities/account.entity.js';
import { onDatabase } from '../../database/errors.js';

export interface Account {
  id: number;
  name: string;
  createdAt: Date;
}

@Injectable()
export class AccountRepository {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** @returns the new account, or `undefined` when the name is taken */
  create(name: string): Promise<Account | undefined> {
    return onDatabase(async () => {
      const inserted = await this.accounts
        .createQueryBuilder()
        .insert()
        .values({ name })
        .orIgnore()
        .execute();
      return Array.isArray(inserted.raw) && inserted.raw.length > 0 ? await this.findByName(name) : undefined;
    });
  }

  findByName(name: string): Promise<Account | undefined> {
    return onDatabase(async () => (await this.accounts.findOneBy({ name })) ?? undefined);
  }

  list(): Promise<Account[]> {
    return onDatabase(() => this.accounts.find({ order: { id: 'ASC' } }));
  }

  private get accounts() {
    return this.dataSource.getRepository(AccountEntity);
  }
}
