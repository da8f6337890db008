import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';

/**
 * One message. Written only by `log/`. No foreign key to the head: whoever inserts holds its lock, and the check would
 * cost a query for each row.
 */
@Entity('messages')
@Index('messages_session', ['userId', 'agentSessionId', 'seq'])
@Index('messages_unread', ['userId', 'seq'], {
  where: `sender <> 'user' AND read_at IS NULL AND deleted_at IS NULL`,
})
@Index('messages_changed', ['userId', 'updatedSeq'], { where: 'updated_seq > seq' })
@Index('messages_client_message_id', ['userId', 'clientMessageId'], {
  unique: true,
  where: 'client_message_id IS NOT NULL',
})
@Check('messages_sender_check', `sender IN ('user', 'assistant', 'system')`)
@Check('messages_status_check', `status IN ('complete', 'streaming', 'cancelled', 'incomplete')`)
export class MessageEntity {
  @PrimaryColumn('bigint', { name: 'user_id', primaryKeyConstraintName: 'messages_pkey' })
  userId: number;

  @PrimaryColumn('bigint', { primaryKeyConstraintName: 'messages_pkey' })
  seq: number;

  @Column('bigint', { name: 'updated_seq' })
  updatedSeq: number;

  @Column('text', { name: 'agent_session_id' })
  agentSessionId: string;

  @Column('text')
  sender: string;

  @Column('text', { default: 'complete' })
  status: string;

  /** Kept as the text that came: `json`, not `jsonb`, so nothing is parsed twice. */
  @Column('json')
  payload: object;

  @Column('json')
  metadata: object;

  /** Of payload and metadata, so that a page can be bounded without reading them. */
  @Column('integer')
  bytes: number;

  @Column('text', { name: 'client_message_id', nullable: true })
  clientMessageId: string | null;

  /** Of the body that came with `client_message_id`, to tell a repeat from a reuse. */
  @Column('bytea', { name: 'request_hash', nullable: true })
  requestHash: Buffer | null;

  /** When it was marked read by itself; the read horizon covers the rest. */
  @Column({ type: 'timestamptz', name: 'read_at', precision: 3, nullable: true })
  readAt: Date | null;

  @Column({ type: 'timestamptz', name: 'deleted_at', precision: 3, nullable: true })
  deletedAt: Date | null;

  @Column({ type: 'timestamptz', name: 'created_at', precision: 3 })
  createdAt: Date;

  @Column({ type: 'timestamptz', name: 'updated_at', precision: 3 })
  updatedAt: Date;
}
