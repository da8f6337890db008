import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What waits for agents, and who has claimed it. `inbox` is part of the log: a row is there while a session has messages
 * of its user that nobody has handled, and `since` is null while it is closed. `claims` hangs on the leases of nodes, so it
 * is UNLOGGED as they are: after a crash nobody holds anything.
 */
export class Agents1763949600000 implements MigrationInterface {
  readonly name = 'Agents1763949600000';

  async up(runner: QueryRunner): Promise<void> {
    // No foreign key, as for messages: whoever writes it holds the lock of the head.
    await runner.query(`
      CREATE TABLE inbox (
        user_id bigint NOT NULL,
        agent_session_id text NOT NULL,
        account_id integer NOT NULL,
        since_seq bigint NOT NULL,
        since timestamptz(3),
        PRIMARY KEY (user_id, agent_session_id)
      )`);
    await runner.query('CREATE INDEX inbox_account ON inbox (account_id, since)');
    await runner.query(`
      CREATE UNLOGGED TABLE claims (
        user_id bigint NOT NULL,
        agent_session_id text NOT NULL,
        account_id integer NOT NULL,
        holder text NOT NULL,
        agent_id text,
        node_id text NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
        handled_seq bigint NOT NULL DEFAULT 0,
        expires_at timestamptz(3) NOT NULL,
        PRIMARY KEY (user_id, agent_session_id)
      )`);
    await runner.query('CREATE INDEX claims_node ON claims (node_id)');
    await runner.query('CREATE INDEX claims_holder ON claims (holder)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE claims, inbox');
  }
}
