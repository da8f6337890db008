import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A move of the read horizon: tells `read_at` of the messages it covered without touching them. */
@Entity('read_marks')
export class ReadMarkEntity {
  @PrimaryColumn('bigint', { name: 'user_id', primaryKeyConstraintName: 'read_marks_pkey' })
  userId: number;

  @PrimaryColumn('bigint', { name: 'read_seq', primaryKeyConstraintName: 'read_marks_pkey' })
  readSeq: number;

  @Column({ type: 'timestamptz', name: 'read_at', precision: 3 })
  readAt: Date;
}
