import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { hasPgbouncer, type Pgbouncer, startPgbouncer } from '../../support/pgbouncer.js';
import { launchServer, startServer } from '../../support/server.js';

/** Debian: apt-get install pgbouncer; .ci/run does it. */
const withPgbouncer = hasPgbouncer ? it : it.skip;
const NO_PGBOUNCER = hasPgbouncer ? '' : ' (skipped: PgBouncer is not installed)';
/** Parley sets what it needs when it connects; older PgBouncers refuse that unless they are told to pass over it. */
const TAKES_OPTIONS = ['ignore_startup_parameters = options,statement_timeout'];

let database: TestDatabase;
let pooler: Pgbouncer;

beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  await pooler?.stop();
  await database.drop();
});

withPgbouncer(`a pooler in transaction mode is named at start, in one sentence${NO_PGBOUNCER}`, async () => {
  pooler = await startPgbouncer(database.connection, 'transaction', TAKES_OPTIONS);
  for (const _ of ['on fresh connections', 'on connections that the pooler has used']) {
    const server = launchServer({ databaseUrl: pooler.url, env: { LOG_LEVEL: 'error' } });
    expect(await server.ended).toBe(1);
    expect(server.output()).toMatch(
      /^Parley could not start: DATABASE_URL leads to a pooler in transaction mode/m,
    );
    expect(server.output()).not.toMatch(/^ +at /m);
  }
});

withPgbouncer(
  `a pooler that refuses start-up parameters says which to pass over${NO_PGBOUNCER}`,
  async () => {
    pooler = await startPgbouncer(database.connection, 'session');
    const server = launchServer({ databaseUrl: pooler.url });
    expect(await server.ended).toBe(1);
    expect(server.output()).toMatch(/could not start: DATABASE_URL .*ignore_startup_parameters = options/);
  },
);

withPgbouncer(`a pooler in session mode serves as well as none${NO_PGBOUNCER}`, async () => {
  pooler = await startPgbouncer(database.connection, 'session', TAKES_OPTIONS);
  const server = await startServer({ databaseUrl: pooler.url });
  expect(await server.stop()).toBe(0);
});
