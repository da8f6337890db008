import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who writes an answer in pieces: a connection of an agent, fenced by its claim, or one request (decision 16). */
export class StreamSources1763949900000 implements MigrationInterface {
  readonly name = 'StreamSources1763949900000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE streams ADD COLUMN source text, ADD COLUMN agent_id text, ADD COLUMN key_id text,
        ADD COLUMN is_fenced boolean NOT NULL DEFAULT false`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      'ALTER TABLE streams DROP COLUMN source, DROP COLUMN agent_id, DROP COLUMN key_id, DROP COLUMN is_fenced',
    );
  }
}
