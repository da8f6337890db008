import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Answers that arrive in pieces (decision 16). `streams` knows which messages are not finished, and survives a crash with
 * them. `stream_texts` holds their text so far: UNLOGGED, as it is written several times a second and its writer can
 * repeat it.
 */
export class Streams1763949700000 implements MigrationInterface {
  readonly name = 'Streams1763949700000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE streams (
        user_id bigint NOT NULL REFERENCES platform_users (id) ON DELETE CASCADE,
        seq bigint NOT NULL,
        agent_session_id text NOT NULL,
        told_since bigint,
        told_up_to bigint,
        started_at timestamptz NOT NULL,
        stopped_at timestamptz,
        PRIMARY KEY (user_id, seq)
      )`);
    // `units`: the length of the text as JavaScript counts it, in UTF-16 code units.
    await runner.query(`
      CREATE UNLOGGED TABLE stream_texts (
        user_id bigint NOT NULL,
        seq bigint NOT NULL,
        writer text NOT NULL,
        text text NOT NULL DEFAULT '',
        units integer NOT NULL DEFAULT 0,
        touched_at timestamptz NOT NULL,
        PRIMARY KEY (user_id, seq),
        FOREIGN KEY (user_id, seq) REFERENCES streams (user_id, seq) ON DELETE CASCADE
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE stream_texts, streams');
  }
}
