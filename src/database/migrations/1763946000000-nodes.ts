import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What nodes tell each other through the database: that they live, who is connected to them, and how much of each rate
 * limit is spent. Leases and presence are UNLOGGED: they mean nothing after a crash, when every node says them again.
 */
export class Nodes1763946000000 implements MigrationInterface {
  readonly name = 'Nodes1763946000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE UNLOGGED TABLE nodes (
        id text PRIMARY KEY,
        expires_at timestamptz NOT NULL
      )`);
    await runner.query(`
      CREATE UNLOGGED TABLE presence (
        user_id bigint NOT NULL,
        node_id text NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
        connections integer NOT NULL,
        PRIMARY KEY (user_id, node_id)
      )`);
    await runner.query('CREATE INDEX presence_node ON presence (node_id)');
    await runner.query(`
      CREATE TABLE rate_windows (
        key text PRIMARY KEY,
        hits bigint NOT NULL,
        ends_at timestamptz NOT NULL
      ) WITH (fillfactor = 70)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE rate_windows, presence, nodes');
  }
}
