import { Injectable } from '@nestjs/common';
import { conflict, invalidParameter, notFound } from '../kernel/errors.js';
import { type Account, AccountRepository } from './persistence/account.repository.js';

export const DEFAULT_ACCOUNT = 'default';
const ACCOUNT_NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;

@Injectable()
export class Accounts {
  constructor(private readonly repository: AccountRepository) {}

  /** @throws ParleyError `resource_conflict` when the name is taken, `invalid_parameter` when it is none */
  async create(name: string): Promise<Account> {
    if (!ACCOUNT_NAME.test(name))
      throw invalidParameter('name', 'must have 1 to 63 of a-z, 0-9 and -, and not begin with -');
    const account = await this.repository.create(name);
    if (!account) throw conflict(`There is an account named ${name} already.`);
    return account;
  }

  /** @throws ParleyError `resource_not_found` */
  async named(name: string): Promise<Account> {
    const account = await this.repository.findByName(name);
    if (!account) throw notFound(`account ${name}`);
    return account;
  }

  /** The account that exists from the first start on. */
  async ensureDefault(): Promise<Account> {
    await this.repository.create(DEFAULT_ACCOUNT);
    return this.named(DEFAULT_ACCOUNT);
  }

  list(): Promise<Account[]> {
    return this.repository.list();
  }
}
