import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Endpoints of webhooks, what is to be delivered to them, and how each attempt went. Deliveries have no foreign key to
 * their endpoint: they are written by the statement that appends a message, which must not fail because an endpoint is
 * deleted at that moment.
 */
export class Webhooks1763949800000 implements MigrationInterface {
  readonly name = 'Webhooks1763949800000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE webhook_endpoints (
        id text PRIMARY KEY,
        account_id integer NOT NULL REFERENCES accounts (id),
        url text NOT NULL,
        description text NOT NULL,
        events text[] NOT NULL,
        agent_id text,
        agent_session_prefix text,
        platform_user_prefix text,
        secret text NOT NULL,
        previous_secret text,
        previous_secret_until timestamptz(3),
        enabled boolean NOT NULL,
        disabled_reason text,
        failures integer NOT NULL DEFAULT 0,
        breaker_opens integer NOT NULL DEFAULT 0,
        breaker_until timestamptz(3),
        created_at timestamptz(3) NOT NULL DEFAULT now()
      ) WITH (fillfactor = 70)`);
    await runner.query('CREATE INDEX webhook_endpoints_account ON webhook_endpoints (account_id)');
    await runner.query(`
      CREATE TABLE webhook_deliveries (
        id text PRIMARY KEY DEFAULT ('whd_' || replace((gen_random_uuid())::text, '-', '')),
        account_id integer NOT NULL,
        endpoint_id text NOT NULL,
        event text NOT NULL,
        user_id bigint,
        seq bigint,
        state text NOT NULL DEFAULT 'pending',
        queued boolean NOT NULL DEFAULT false,
        attempts integer NOT NULL DEFAULT 0,
        attempts_before integer NOT NULL DEFAULT 0,
        created_at timestamptz(3) NOT NULL,
        tried_since timestamptz(3) NOT NULL,
        next_attempt_at timestamptz(3),
        finished_at timestamptz(3),
        last_status integer,
        last_error text
      ) WITH (fillfactor = 70)`);
    await runner.query(
      'CREATE INDEX webhook_deliveries_unqueued ON webhook_deliveries (created_at) WHERE NOT queued',
    );
    await runner.query(
      'CREATE INDEX webhook_deliveries_endpoint ON webhook_deliveries (endpoint_id, created_at, id)',
    );
    await runner.query(
      `CREATE INDEX webhook_deliveries_dead ON webhook_deliveries (account_id, created_at, id) WHERE state = 'dead'`,
    );
    await runner.query(
      'CREATE INDEX webhook_deliveries_finished ON webhook_deliveries (finished_at) WHERE finished_at IS NOT NULL',
    );
    await runner.query(`
      CREATE TABLE webhook_attempts (
        delivery_id text NOT NULL REFERENCES webhook_deliveries (id) ON DELETE CASCADE,
        attempt integer NOT NULL,
        started_at timestamptz(3) NOT NULL,
        duration_ms integer NOT NULL,
        status integer,
        error text,
        response text,
        PRIMARY KEY (delivery_id, attempt)
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE webhook_attempts, webhook_deliveries, webhook_endpoints');
  }
}
