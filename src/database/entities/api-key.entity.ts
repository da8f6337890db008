import { Column, CreateDateColumn, Entity, ForeignKey, Index, PrimaryColumn, Unique } from 'typeorm';
import { AccountEntity } from './account.entity.js';

/** An API key: its hash, never the key. */
@Entity('api_keys')
@Unique('api_keys_hash_key', ['hash'])
@Index('api_keys_account', ['accountId'])
@Index('api_keys_changed', ['changedAt'])
export class ApiKeyEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'api_keys_pkey' })
  id: string;

  @Column('integer', { name: 'account_id' })
  @ForeignKey(() => AccountEntity, { name: 'api_keys_account_id_fkey' })
  accountId: number;

  @Column('text')
  name: string;

  /** The first characters of the key: enough to recognise it in a list, too few to use it. */
  @Column('text')
  prefix: string;

  /** SHA-256 of the key. A key is 256 random bits, so it needs no slow hash. */
  @Column('bytea')
  hash: Buffer;

  @Column('text', { array: true })
  scopes: string[];

  /** Requests per hour; null means the server's default, 0 no limit. */
  @Column('integer', { name: 'rate_limit_per_hour', nullable: true })
  rateLimitPerHour: number | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz', precision: 3 })
  createdAt: Date;

  @Column({ type: 'timestamptz', name: 'expires_at', precision: 3, nullable: true })
  expiresAt: Date | null;

  @Column({ type: 'timestamptz', name: 'revoked_at', precision: 3, nullable: true })
  revokedAt: Date | null;

  /** When it was made, revoked or given an end: what every node looks for. */
  @Column({ type: 'timestamptz', name: 'changed_at', precision: 3, default: () => 'now()' })
  changedAt: Date;
}
