import { Check, Column, CreateDateColumn, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { PlatformUserEntity } from './platform-user.entity.js';

/** A conversation. Its id is unique in its account and may be the caller's choice. */
@Entity('sessions')
@Index('sessions_user', ['userId', 'updatedSeq'])
@Check('sessions_status_check', `status IN ('open', 'closed')`)
export class SessionEntity {
  @PrimaryColumn('integer', { name: 'account_id', primaryKeyConstraintName: 'sessions_pkey' })
  accountId: number;

  @PrimaryColumn('text', { name: 'agent_session_id', primaryKeyConstraintName: 'sessions_pkey' })
  agentSessionId: string;

  @Column('bigint', { name: 'user_id' })
  @ForeignKey(() => PlatformUserEntity, { name: 'sessions_user_id_fkey', onDelete: 'CASCADE' })
  userId: number;

  @Column('text', { nullable: true })
  title: string | null;

  @Column('text', { default: 'open' })
  status: string;

  @Column('text', { name: 'agent_id', nullable: true })
  agentId: string | null;

  @Column('jsonb', { default: {} })
  context: object;

  @Column('jsonb', { default: {} })
  metadata: object;

  /** Position of its latest change; of the message that made it, if one did. */
  @Column('bigint', { name: 'updated_seq' })
  updatedSeq: number;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz', precision: 3 })
  createdAt: Date;

  /** Its messages up to this position were counted. A reader moves it on; no index covers it, so the update stays HOT. */
  @Column('bigint', { name: 'counted_seq', default: 0 })
  countedSeq: number;

  /** How many messages it has up to there. */
  @Column('integer', { default: 0 })
  counted: number;
}
