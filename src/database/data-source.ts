import { DataSource, type DataSourceOptions } from 'typeorm';
import pg from 'pg';
import { AccountEntity } from './entities/account.entity.js';
import { ApiKeyEntity } from './entities/api-key.entity.js';
import { MessageEntity } from './entities/message.entity.js';
import { PlatformUserEntity } from './entities/platform-user.entity.js';
import { ReadMarkEntity } from './entities/read-mark.entity.js';
import { SessionEntity } from './entities/session.entity.js';
import { SettingEntity } from './entities/setting.entity.js';
import { TokenRevocationEntity } from './entities/token-revocation.entity.js';
import { FirstSchema1763856000000 } from './migrations/1763856000000-first-schema.js';
import { Agents1763949600000 } from './migrations/1763949600000-agents.js';
import { Nodes1763946000000 } from './migrations/1763946000000-nodes.js';
import { SessionCount1763942400000 } from './migrations/1763942400000-session-count.js';
import { Streams1763949700000 } from './migrations/1763949700000-streams.js';
import { StreamSources1763949900000 } from './migrations/1763949900000-stream-sources.js';
import { Webhooks1763949800000 } from './migrations/1763949800000-webhooks.js';
import { WatchedClient, type WatchedClientConfig } from './watched-client.js';

/** Where a PostgreSQL is: a URL, or the parts of one (`host` may be the directory of a Unix socket). */
export type DatabaseAddress =
  { url: string } | { host: string; port: number; user: string; database: string };

/** Injects the {@link DatabaseAddress}, for who needs a connection of its own. */
export const DATABASE_ADDRESS = Symbol('DatabaseAddress');

/** PostgreSQL's numbers for the types `bigint` and `bigint[]`. */
const BIGINT = 20;
const BIGINTS = 1016;

/** Positions are `bigint`, and below 2^53 by construction: numbers, not strings. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') => {
    if (oid === BIGINT) return Number;
    if (oid === BIGINTS) return numbers;
    return pg.types.getTypeParser(oid, format) as (text: string) => unknown;
  },
};

/** @param text of one dimension and without nulls, e.g. `{1,2}` */
function numbers(text: string): number[] {
  return JSON.parse(`[${text.slice(1, -1)}]`) as number[];
}

/**
 * Every statement here names its rows by an index. A plan that was made, and kept, while a table was empty would scan it
 * when it is full; planning a long statement anew at each call, or compiling it, costs more than running it does.
 */
const PLANNER =
  '-c enable_seqscan=off -c plan_cache_mode=force_generic_plan -c jit=off -c synchronous_commit=on';

/** How long PostgreSQL works on a statement before it gives up, in milliseconds. */
const STATEMENT_TIMEOUT = 15_000;
/**
 * How long a node waits for an answer before it gives a connection up, in milliseconds, and up to a quarter more: longer,
 * so that a living database says it first.
 */
export const ANSWER_TIMEOUT = 20_000;

export interface PoolOptions {
  /** Most connections. */
  size?: number;
  /** How long the database may owe an answer, in milliseconds; without it forever. */
  answerTimeout?: number;
}

/** How a connection outside the pool is opened: one that listens. */
export function clientOptions(address: DatabaseAddress): WatchedClientConfig {
  const where = 'url' in address ? { connectionString: address.url } : address;
  return { ...where, keepAlive: true, connectionTimeoutMillis: 5000, answerTimeout: ANSWER_TIMEOUT };
}

/** In the order in which they ran and will run: by their times. */
const MIGRATIONS = [
  FirstSchema1763856000000,
  SessionCount1763942400000,
  Nodes1763946000000,
  Agents1763949600000,
  Streams1763949700000,
  Webhooks1763949800000,
  StreamSources1763949900000,
];

/** TypeORM's options: the schema is the migrations', never synchronised from the entities. */
export function dataSourceOptions(address: DatabaseAddress, pool: PoolOptions = {}): DataSourceOptions {
  const where =
    'url' in address
      ? { url: address.url }
      : { host: address.host, port: address.port, username: address.user, database: address.database };
  return {
    type: 'postgres',
    ...where,
    poolSize: pool.size ?? 4,
    applicationName: 'parley',
    extra: {
      types,
      options: PLANNER,
      keepAlive: true,
      pipeline: true, // see `Pipeline`; who waits for each answer is not affected
      idleTimeoutMillis: 0, // a connection made anew parses and plans every statement again, before someone's message
      connectionTimeoutMillis: 5000,
      statement_timeout: STATEMENT_TIMEOUT,
      Client: WatchedClient,
      answerTimeout: pool.answerTimeout,
    },
    entities: [
      AccountEntity,
      ApiKeyEntity,
      PlatformUserEntity,
      SessionEntity,
      MessageEntity,
      ReadMarkEntity,
      TokenRevocationEntity,
      SettingEntity,
    ],
    migrations: MIGRATIONS,
    migrationsTableName: 'migrations',
    migrationsTransactionMode: 'each',
    synchronize: false,
    installExtensions: false,
  };
}

export function createDataSource(address: DatabaseAddress, pool?: PoolOptions): DataSource {
  return new DataSource(dataSourceOptions(address, pool));
}
