import { Column, CreateDateColumn, Entity, ForeignKey, PrimaryColumn, Unique } from 'typeorm';
import { AccountEntity } from './account.entity.js';

/**
 * The head of one platform user's log. Every write to the log updates this row, and its row lock makes commit order
 * equal `seq` order. No index covers a column that changes, so the update stays HOT.
 */
@Entity('platform_users')
@Unique('platform_users_account_key', ['accountId', 'platformUserId'])
export class PlatformUserEntity {
  /** Random (see `randomUserId`), because message ids contain it. */
  @PrimaryColumn('bigint', { primaryKeyConstraintName: 'platform_users_pkey' })
  id: number;

  @Column('integer', { name: 'account_id' })
  @ForeignKey(() => AccountEntity, { name: 'platform_users_account_id_fkey' })
  accountId: number;

  @Column('text', { name: 'platform_user_id' })
  platformUserId: string;

  /** Last position given out. */
  @Column('bigint', { name: 'head_seq', default: 0 })
  headSeq: number;

  /** The read horizon: every message up to here is read. */
  @Column('bigint', { name: 'read_seq', default: 0 })
  readSeq: number;

  /** Position of the last session change: an append that read sessions before it reads them again. */
  @Column('bigint', { name: 'session_seq', default: 0 })
  sessionSeq: number;

  @Column('integer', { name: 'unread_count', default: 0 })
  unreadCount: number;

  @Column('integer', { name: 'message_count', default: 0 })
  messageCount: number;

  /** The most recent open session: where a message without `agent_session_id` goes. */
  @Column('text', { name: 'current_session', nullable: true })
  currentSession: string | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz', precision: 3 })
  createdAt: Date;
}
