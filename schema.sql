-- The schema that the migrations make. Written by `npm run generate`; do not edit.

CREATE TABLE accounts (
  id integer NOT NULL GENERATED ALWAYS AS IDENTITY,
  name text NOT NULL,
  created_at timestamp(3) with time zone NOT NULL DEFAULT now()
);
CREATE TABLE api_keys (
  id text NOT NULL,
  account_id integer NOT NULL,
  name text NOT NULL,
  prefix text NOT NULL,
  hash bytea NOT NULL,
  scopes text[] NOT NULL,
  rate_limit_per_hour integer,
  created_at timestamp(3) with time zone NOT NULL DEFAULT now(),
  expires_at timestamp(3) with time zone,
  revoked_at timestamp(3) with time zone,
  changed_at timestamp(3) with time zone NOT NULL DEFAULT now()
);
CREATE TABLE claims (
  user_id bigint NOT NULL,
  agent_session_id text NOT NULL,
  account_id integer NOT NULL,
  holder text NOT NULL,
  agent_id text,
  node_id text NOT NULL,
  handled_seq bigint NOT NULL DEFAULT 0,
  expires_at timestamp(3) with time zone NOT NULL
);
CREATE TABLE inbox (
  user_id bigint NOT NULL,
  agent_session_id text NOT NULL,
  account_id integer NOT NULL,
  since_seq bigint NOT NULL,
  since timestamp(3) with time zone
);
CREATE TABLE messages (
  user_id bigint NOT NULL,
  seq bigint NOT NULL,
  updated_seq bigint NOT NULL,
  agent_session_id text NOT NULL,
  sender text NOT NULL,
  status text NOT NULL DEFAULT 'complete'::text,
  payload json NOT NULL,
  metadata json NOT NULL,
  bytes integer NOT NULL,
  client_message_id text,
  request_hash bytea,
  read_at timestamp(3) with time zone,
  deleted_at timestamp(3) with time zone,
  created_at timestamp(3) with time zone NOT NULL,
  updated_at timestamp(3) with time zone NOT NULL
);
CREATE TABLE nodes (
  id text NOT NULL,
  expires_at timestamp with time zone NOT NULL
);
CREATE TABLE platform_users (
  id bigint NOT NULL,
  account_id integer NOT NULL,
  platform_user_id text NOT NULL,
  head_seq bigint NOT NULL DEFAULT 0,
  read_seq bigint NOT NULL DEFAULT 0,
  session_seq bigint NOT NULL DEFAULT 0,
  unread_count integer NOT NULL DEFAULT 0,
  message_count integer NOT NULL DEFAULT 0,
  current_session text,
  created_at timestamp(3) with time zone NOT NULL DEFAULT now()
) WITH (fillfactor=50);
CREATE TABLE presence (
  user_id bigint NOT NULL,
  node_id text NOT NULL,
  connections integer NOT NULL
);
CREATE TABLE rate_windows (
  key text NOT NULL,
  hits bigint NOT NULL,
  ends_at timestamp with time zone NOT NULL
) WITH (fillfactor=70);
CREATE TABLE read_marks (
  user_id bigint NOT NULL,
  read_seq bigint NOT NULL,
  read_at timestamp(3) with time zone NOT NULL
);
CREATE TABLE sessions (
  account_id integer NOT NULL,
  agent_session_id text NOT NULL,
  user_id bigint NOT NULL,
  title text,
  status text NOT NULL DEFAULT 'open'::text,
  agent_id text,
  context jsonb NOT NULL DEFAULT '{}'::jsonb,
  metadata jsonb NOT NULL DEFAULT '{}'::jsonb,
  updated_seq bigint NOT NULL,
  created_at timestamp(3) with time zone NOT NULL DEFAULT now(),
  counted_seq bigint NOT NULL DEFAULT 0,
  counted integer NOT NULL DEFAULT 0
);
CREATE TABLE settings (
  name text NOT NULL,
  value text NOT NULL
);
CREATE TABLE stream_texts (
  user_id bigint NOT NULL,
  seq bigint NOT NULL,
  writer text NOT NULL,
  text text NOT NULL DEFAULT ''::text,
  units integer NOT NULL DEFAULT 0,
  touched_at timestamp with time zone NOT NULL
);
CREATE TABLE streams (
  user_id bigint NOT NULL,
  seq bigint NOT NULL,
  agent_session_id text NOT NULL,
  told_since bigint,
  told_up_to bigint,
  started_at timestamp with time zone NOT NULL,
  stopped_at timestamp with time zone,
  source text,
  agent_id text,
  key_id text,
  is_fenced boolean NOT NULL DEFAULT false
);
CREATE TABLE token_revocations (
  id text NOT NULL,
  account_id integer NOT NULL,
  platform_user_id text NOT NULL,
  token_id text,
  revoked_at timestamp(3) with time zone NOT NULL,
  expires_at timestamp(3) with time zone NOT NULL
);
CREATE TABLE webhook_attempts (
  delivery_id text NOT NULL,
  attempt integer NOT NULL,
  started_at timestamp(3) with time zone NOT NULL,
  duration_ms integer NOT NULL,
  status integer,
  error text,
  response text
);
CREATE TABLE webhook_deliveries (
  id text NOT NULL DEFAULT ('whd_'::text || replace((gen_random_uuid())::text, '-'::text, ''::text)),
  account_id integer NOT NULL,
  endpoint_id text NOT NULL,
  event text NOT NULL,
  user_id bigint,
  seq bigint,
  state text NOT NULL DEFAULT 'pending'::text,
  queued boolean NOT NULL DEFAULT false,
  attempts integer NOT NULL DEFAULT 0,
  attempts_before integer NOT NULL DEFAULT 0,
  created_at timestamp(3) with time zone NOT NULL,
  tried_since timestamp(3) with time zone NOT NULL,
  next_attempt_at timestamp(3) with time zone,
  finished_at timestamp(3) with time zone,
  last_status integer,
  last_error text
) WITH (fillfactor=70);
CREATE TABLE webhook_endpoints (
  id text NOT NULL,
  account_id integer NOT NULL,
  url text NOT NULL,
  description text NOT NULL,
  events text[] NOT NULL,
  agent_id text,
  agent_session_prefix text,
  platform_user_prefix text,
  secret text NOT NULL,
  previous_secret text,
  previous_secret_until timestamp(3) with time zone,
  enabled boolean NOT NULL,
  disabled_reason text,
  failures integer NOT NULL DEFAULT 0,
  breaker_opens integer NOT NULL DEFAULT 0,
  breaker_until timestamp(3) with time zone,
  created_at timestamp(3) with time zone NOT NULL DEFAULT now()
) WITH (fillfactor=70);

ALTER TABLE accounts ADD CONSTRAINT accounts_name_key UNIQUE (name);
ALTER TABLE accounts ADD CONSTRAINT accounts_pkey PRIMARY KEY (id);
ALTER TABLE api_keys ADD CONSTRAINT api_keys_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id);
ALTER TABLE api_keys ADD CONSTRAINT api_keys_hash_key UNIQUE (hash);
ALTER TABLE api_keys ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);
ALTER TABLE claims ADD CONSTRAINT claims_node_id_fkey FOREIGN KEY (node_id) REFERENCES nodes(id) ON DELETE CASCADE;
ALTER TABLE claims ADD CONSTRAINT claims_pkey PRIMARY KEY (user_id, agent_session_id);
ALTER TABLE inbox ADD CONSTRAINT inbox_pkey PRIMARY KEY (user_id, agent_session_id);
ALTER TABLE messages ADD CONSTRAINT messages_pkey PRIMARY KEY (user_id, seq);
ALTER TABLE messages ADD CONSTRAINT messages_sender_check CHECK ((sender = ANY (ARRAY['user'::text, 'assistant'::text, 'system'::text])));
ALTER TABLE messages ADD CONSTRAINT messages_status_check CHECK ((status = ANY (ARRAY['complete'::text, 'streaming'::text, 'cancelled'::text, 'incomplete'::text])));
ALTER TABLE nodes ADD CONSTRAINT nodes_pkey PRIMARY KEY (id);
ALTER TABLE platform_users ADD CONSTRAINT platform_users_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id);
ALTER TABLE platform_users ADD CONSTRAINT platform_users_account_key UNIQUE (account_id, platform_user_id);
ALTER TABLE platform_users ADD CONSTRAINT platform_users_pkey PRIMARY KEY (id);
ALTER TABLE presence ADD CONSTRAINT presence_node_id_fkey FOREIGN KEY (node_id) REFERENCES nodes(id) ON DELETE CASCADE;
ALTER TABLE presence ADD CONSTRAINT presence_pkey PRIMARY KEY (user_id, node_id);
ALTER TABLE rate_windows ADD CONSTRAINT rate_windows_pkey PRIMARY KEY (key);
ALTER TABLE read_marks ADD CONSTRAINT read_marks_pkey PRIMARY KEY (user_id, read_seq);
ALTER TABLE sessions ADD CONSTRAINT sessions_pkey PRIMARY KEY (account_id, agent_session_id);
ALTER TABLE sessions ADD CONSTRAINT sessions_status_check CHECK ((status = ANY (ARRAY['open'::text, 'closed'::text])));
ALTER TABLE sessions ADD CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES platform_users(id) ON DELETE CASCADE;
ALTER TABLE settings ADD CONSTRAINT settings_pkey PRIMARY KEY (name);
ALTER TABLE stream_texts ADD CONSTRAINT stream_texts_pkey PRIMARY KEY (user_id, seq);
ALTER TABLE stream_texts ADD CONSTRAINT stream_texts_user_id_seq_fkey FOREIGN KEY (user_id, seq) REFERENCES streams(user_id, seq) ON DELETE CASCADE;
ALTER TABLE streams ADD CONSTRAINT streams_pkey PRIMARY KEY (user_id, seq);
ALTER TABLE streams ADD CONSTRAINT streams_user_id_fkey FOREIGN KEY (user_id) REFERENCES platform_users(id) ON DELETE CASCADE;
ALTER TABLE token_revocations ADD CONSTRAINT token_revocations_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id);
ALTER TABLE token_revocations ADD CONSTRAINT token_revocations_pkey PRIMARY KEY (id);
ALTER TABLE webhook_attempts ADD CONSTRAINT webhook_attempts_delivery_id_fkey FOREIGN KEY (delivery_id) REFERENCES webhook_deliveries(id) ON DELETE CASCADE;
ALTER TABLE webhook_attempts ADD CONSTRAINT webhook_attempts_pkey PRIMARY KEY (delivery_id, attempt);
ALTER TABLE webhook_deliveries ADD CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (id);
ALTER TABLE webhook_endpoints ADD CONSTRAINT webhook_endpoints_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id);
ALTER TABLE webhook_endpoints ADD CONSTRAINT webhook_endpoints_pkey PRIMARY KEY (id);

CREATE INDEX api_keys_account ON public.api_keys USING btree (account_id);
CREATE INDEX api_keys_changed ON public.api_keys USING btree (changed_at);
CREATE INDEX claims_holder ON public.claims USING btree (holder);
CREATE INDEX claims_node ON public.claims USING btree (node_id);
CREATE INDEX inbox_account ON public.inbox USING btree (account_id, since);
CREATE INDEX messages_changed ON public.messages USING btree (user_id, updated_seq) WHERE (updated_seq > seq);
CREATE UNIQUE INDEX messages_client_message_id ON public.messages USING btree (user_id, client_message_id) WHERE (client_message_id IS NOT NULL);
CREATE INDEX messages_session ON public.messages USING btree (user_id, agent_session_id, seq);
CREATE INDEX messages_unread ON public.messages USING btree (user_id, seq) WHERE ((sender <> 'user'::text) AND (read_at IS NULL) AND (deleted_at IS NULL));
CREATE INDEX presence_node ON public.presence USING btree (node_id);
CREATE INDEX sessions_user ON public.sessions USING btree (user_id, updated_seq);
CREATE INDEX token_revocations_expiry ON public.token_revocations USING btree (expires_at);
CREATE INDEX webhook_deliveries_dead ON public.webhook_deliveries USING btree (account_id, created_at, id) WHERE (state = 'dead'::text);
CREATE INDEX webhook_deliveries_endpoint ON public.webhook_deliveries USING btree (endpoint_id, created_at, id);
CREATE INDEX webhook_deliveries_finished ON public.webhook_deliveries USING btree (finished_at) WHERE (finished_at IS NOT NULL);
CREATE INDEX webhook_deliveries_unqueued ON public.webhook_deliveries USING btree (created_at) WHERE (NOT queued);
CREATE INDEX webhook_endpoints_account ON public.webhook_endpoints USING btree (account_id);
