import { Column, Entity, PrimaryColumn } from 'typeorm';

/** What the installation knows about itself: the log's epoch, the token secret it made. */
@Entity('settings')
export class SettingEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'settings_pkey' })
  name: string;

  @Column('text')
  value: string;
}
