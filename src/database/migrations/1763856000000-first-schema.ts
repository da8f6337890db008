import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The log and what stands around it. */
export class FirstSchema1763856000000 implements MigrationInterface {
  name = 'FirstSchema1763856000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) await runner.query(`DROP TABLE ${table}`);
  }
}

const TABLES = [
  'settings',
  'token_revocations',
  'read_marks',
  'messages',
  'sessions',
  'platform_users',
  'api_keys',
  'accounts',
];

const UP = [
  `CREATE TABLE accounts (
     id integer GENERATED ALWAYS AS IDENTITY,
     name text NOT NULL,
     created_at timestamptz(3) NOT NULL DEFAULT now(),
     CONSTRAINT accounts_pkey PRIMARY KEY (id),
     CONSTRAINT accounts_name_key UNIQUE (name))`,

  `CREATE TABLE api_keys (
     id text NOT NULL,
     account_id integer NOT NULL,
     name text NOT NULL,
     prefix text NOT NULL,
     hash bytea NOT NULL,
     scopes text[] NOT NULL,
     rate_limit_per_hour integer,
     created_at timestamptz(3) NOT NULL DEFAULT now(),
     expires_at timestamptz(3),
     revoked_at timestamptz(3),
     changed_at timestamptz(3) NOT NULL DEFAULT now(),
     CONSTRAINT api_keys_pkey PRIMARY KEY (id),
     CONSTRAINT api_keys_hash_key UNIQUE (hash),
     CONSTRAINT api_keys_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts (id))`,
  `CREATE INDEX api_keys_account ON api_keys (account_id)`,
  `CREATE INDEX api_keys_changed ON api_keys (changed_at)`,

  // fillfactor: room on the page, so that moving the head is a heap-only (HOT) update.
  `CREATE TABLE platform_users (
     id bigint NOT NULL,
     account_id integer NOT NULL,
     platform_user_id text NOT NULL,
     head_seq bigint NOT NULL DEFAULT 0,
     read_seq bigint NOT NULL DEFAULT 0,
     session_seq bigint NOT NULL DEFAULT 0,
     unread_count integer NOT NULL DEFAULT 0,
     message_count integer NOT NULL DEFAULT 0,
     current_session text,
     created_at timestamptz(3) NOT NULL DEFAULT now(),
     CONSTRAINT platform_users_pkey PRIMARY KEY (id),
     CONSTRAINT platform_users_account_key UNIQUE (account_id, platform_user_id),
     CONSTRAINT platform_users_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts (id)
   ) WITH (fillfactor = 50)`,

  `CREATE TABLE sessions (
     account_id integer NOT NULL,
     agent_session_id text NOT NULL,
     user_id bigint NOT NULL,
     title text,
     status text NOT NULL DEFAULT 'open',
     agent_id text,
     context jsonb NOT NULL DEFAULT '{}',
     metadata jsonb NOT NULL DEFAULT '{}',
     updated_seq bigint NOT NULL,
     created_at timestamptz(3) NOT NULL DEFAULT now(),
     CONSTRAINT sessions_pkey PRIMARY KEY (account_id, agent_session_id),
     CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES platform_users (id) ON DELETE CASCADE,
     CONSTRAINT sessions_status_check CHECK (status IN ('open', 'closed')))`,
  `CREATE INDEX sessions_user ON sessions (user_id, updated_seq)`,

  // No foreign key: an insert holds the lock of its head row, and the check would cost a query for each row.
  `CREATE TABLE messages (
     user_id bigint NOT NULL,
     seq bigint NOT NULL,
     updated_seq bigint NOT NULL,
     agent_session_id text NOT NULL,
     sender text NOT NULL,
     status text NOT NULL DEFAULT 'complete',
     payload json NOT NULL,
     metadata json NOT NULL,
     bytes integer NOT NULL,
     client_message_id text,
     request_hash bytea,
     read_at timestamptz(3),
     deleted_at timestamptz(3),
     created_at timestamptz(3) NOT NULL,
     updated_at timestamptz(3) NOT NULL,
     CONSTRAINT messages_pkey PRIMARY KEY (user_id, seq),
     CONSTRAINT messages_sender_check CHECK (sender IN ('user', 'assistant', 'system')),
     CONSTRAINT messages_status_check CHECK (status IN ('complete', 'streaming', 'cancelled', 'incomplete')))`,
  `CREATE INDEX messages_session ON messages (user_id, agent_session_id, seq)`,
  `CREATE INDEX messages_unread ON messages (user_id, seq)
     WHERE sender <> 'user' AND read_at IS NULL AND deleted_at IS NULL`,
  `CREATE INDEX messages_changed ON messages (user_id, updated_seq) WHERE updated_seq > seq`,
  `CREATE UNIQUE INDEX messages_client_message_id ON messages (user_id, client_message_id)
     WHERE client_message_id IS NOT NULL`,

  `CREATE TABLE read_marks (
     user_id bigint NOT NULL,
     read_seq bigint NOT NULL,
     read_at timestamptz(3) NOT NULL,
     CONSTRAINT read_marks_pkey PRIMARY KEY (user_id, read_seq))`,

  `CREATE TABLE token_revocations (
     id text NOT NULL,
     account_id integer NOT NULL,
     platform_user_id text NOT NULL,
     token_id text,
     revoked_at timestamptz(3) NOT NULL,
     expires_at timestamptz(3) NOT NULL,
     CONSTRAINT token_revocations_pkey PRIMARY KEY (id),
     CONSTRAINT token_revocations_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts (id))`,
  `CREATE INDEX token_revocations_expiry ON token_revocations (expires_at)`,

  `CREATE TABLE settings (
     name text NOT NULL,
     value text NOT NULL,
     CONSTRAINT settings_pkey PRIMARY KEY (name))`,
  // Random, so that a client can tell this log from another one (contract section 3, "reset").
  `INSERT INTO settings (name, value) VALUES ('epoch', substr(md5(random()::text || clock_timestamp()::text), 1, 12))`,
];
