import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How many messages a session has, up to a position: so that its total need not count them all. */
export class SessionCount1763942400000 implements MigrationInterface {
  name = 'SessionCount1763942400000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE sessions
      ADD COLUMN counted_seq bigint NOT NULL DEFAULT 0,
      ADD COLUMN counted integer NOT NULL DEFAULT 0`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE sessions DROP COLUMN counted_seq, DROP COLUMN counted');
  }
}
