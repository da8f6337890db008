import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { AccountEntity } from '../../database/entities/account.entity.js';
import { translateDatabaseError } from '../../database/errors.js';

export interface Account {
  id: number;
  name: string;
  createdAt: Date;
}

@Injectable()
export class AccountRepository {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** @returns the new account, or `undefined` when the name is taken */
  async create(name: string): Promise<Account | undefined> {
    try {
      const inserted = await this.accounts
        .createQueryBuilder()
        .insert()
        .values({ name })
        .orIgnore()
        .execute();
      return inserted.raw instanceof Array && inserted.raw.length > 0
        ? await this.findByName(name)
        : undefined;
    } catch (error) {
      throw translateDatabaseError(error);
    }
  }

  async findByName(name: string): Promise<Account | undefined> {
    return (await this.accounts.findOneBy({ name })) ?? undefined;
  }

  async list(): Promise<Account[]> {
    return this.accounts.find({ order: { id: 'ASC' } });
  }

  private get accounts() {
    return this.dataSource.getRepository(AccountEntity);
  }
}
