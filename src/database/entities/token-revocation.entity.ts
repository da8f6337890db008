import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { AccountEntity } from './account.entity.js';

/** User tokens that no longer count: one (`token_id`), or all that a platform user got until `revoked_at`. */
@Entity('token_revocations')
@Index('token_revocations_expiry', ['expiresAt'])
export class TokenRevocationEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'token_revocations_pkey' })
  id: string;

  @Column('integer', { name: 'account_id' })
  @ForeignKey(() => AccountEntity, { name: 'token_revocations_account_id_fkey' })
  accountId: number;

  @Column('text', { name: 'platform_user_id' })
  platformUserId: string;

  /** Null: every token of this user. */
  @Column('text', { name: 'token_id', nullable: true })
  tokenId: string | null;

  @Column({ type: 'timestamptz', name: 'revoked_at', precision: 3 })
  revokedAt: Date;

  /** When the last token that this row is about has expired, so that the row can go. */
  @Column({ type: 'timestamptz', name: 'expires_at', precision: 3 })
  expiresAt: Date;
}
