import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { eventually } from '../../support/eventually.js';
import type { TestProcess } from '../../support/process.js';
import { launchServer } from '../../support/server.js';

const KEY_LINE = /^ *export PARLEY_API_KEY=(parley_[\w-]{43})$/m;
const START_LIMIT = { timeoutMs: 30_000 };
const NODES = 3;

let database: TestDatabase;
let nodes: TestProcess[] = [];

afterEach(async () => {
  await Promise.all(nodes.map((node) => node.stop()));
  await database?.drop();
});

it('Nodes that start together on an empty database make one first key, and one of them shows it', async () => {
  database = await createTestDatabase();
  const client = new pg.Client(database.connection);
  await client.connect();
  await client.query('BEGIN');
  await client.query('LOCK TABLE api_keys IN SHARE MODE'); // each sees that there is no key, none can make one yet
  nodes = Array.from({ length: NODES }, () => launchServer({ databaseUrl: database.url }));
  await eventually(async () => {
    const { rows } = await client.query(
      `SELECT count(*)::int AS waiting FROM pg_locks WHERE NOT granted AND relation = 'api_keys'::regclass`,
    );
    expect(rows).toEqual([{ waiting: NODES }]);
  }, START_LIMIT);
  await client.query('COMMIT');
  await eventually(() => {
    for (const node of nodes) expect(node.output()).toMatch(/API key/);
  }, START_LIMIT);
  const shown = nodes.filter((node) => KEY_LINE.test(node.output()));
  const { rows } = await client.query('SELECT name FROM api_keys');
  await client.end();
  expect(rows).toEqual([{ name: 'first key' }]);
  expect(shown).toHaveLength(1);
}, 90_000);
