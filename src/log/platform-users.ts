import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { Database, type Statement } from '../database/database.js';
import { randomUserId } from '../kernel/ids.js';
import type { LogOwner } from './log-types.js';

const FIND: Statement = {
  name: 'users.find',
  text: 'SELECT id FROM platform_users WHERE account_id = $1 AND platform_user_id = $2',
};
const FIND_BY_ID: Statement = {
  name: 'users.find-by-id',
  text: 'SELECT account_id, platform_user_id FROM platform_users WHERE id = $1',
};
const CREATE: Statement = {
  name: 'users.create',
  text: `INSERT INTO platform_users (id, account_id, platform_user_id) VALUES ($3, $1, $2)
         ON CONFLICT (account_id, platform_user_id) DO NOTHING`,
};

/** Owners kept in memory, so that a message needs no look-up. About 200 bytes each. */
const CACHED_OWNERS = 100_000;

/** Whose log is whose: the account's name for a platform user, and the internal id of its log. */
@Injectable()
export class PlatformUsers {
  private readonly owners = new LRUCache<string, LogOwner>({ max: CACHED_OWNERS });
  private readonly ensuring = new Map<string, Promise<LogOwner>>();

  constructor(private readonly database: Database) {}

  /** The owner, if that platform user has a log. Reading makes none. */
  async find(accountId: number, platformUserId: string): Promise<LogOwner | undefined> {
    const key = `${accountId}:${platformUserId}`;
    const known = this.owners.get(key);
    if (known) return known;
    const [row] = await this.database.query<{ id: number }>(FIND, [accountId, platformUserId]);
    if (!row) return undefined;
    const owner = { accountId, platformUserId, userId: row.id };
    this.owners.set(key, owner);
    return owner;
  }

  /** The owner of the log with this internal id. */
  async byId(userId: number): Promise<LogOwner | undefined> {
    const values = [userId];
    const [row] = await this.database.query<{ account_id: number; platform_user_id: string }>(
      FIND_BY_ID,
      values,
    );
    return row && { accountId: row.account_id, platformUserId: row.platform_user_id, userId };
  }

  /**
   * The owner; its log begins now if there is none. Who asks meanwhile gets the same answer, in the order of asking: so
   * the first messages of a user enter the log as they came.
   */
  ensure(accountId: number, platformUserId: string): LogOwner | Promise<LogOwner> {
    const key = `${accountId}:${platformUserId}`;
    const known = this.ensuring.get(key) ?? this.owners.get(key);
    if (known) return known;
    const owner = this.findOrCreate(accountId, platformUserId);
    const forget = (): void => void this.ensuring.delete(key);
    owner.then(forget, forget); // first of those who wait for it: who asks after them finds the owner known
    this.ensuring.set(key, owner);
    return owner;
  }

  private async findOrCreate(accountId: number, platformUserId: string): Promise<LogOwner> {
    for (;;) {
      const known = await this.find(accountId, platformUserId);
      if (known) return known;
      await this.database.query(CREATE, [accountId, platformUserId, randomUserId()]);
    }
  }

  /** Forgets an owner whose log turned out to be gone. */
  forget({ accountId, platformUserId }: LogOwner): void {
    this.owners.delete(`${accountId}:${platformUserId}`);
  }
}
