import pg from 'pg';
import type { Statement } from '../../../src/database/database.js';
import * as appends from '../../../src/log/persistence/append.sql.js';
import { APPEND_EACH, APPEND_ONE } from '../../../src/log/persistence/append-each.sql.js';
import { MOST_UNCOUNTED } from '../../../src/log/log-reader.js';
import * as changes from '../../../src/log/persistence/change.sql.js';
import * as claims from '../../../src/log/persistence/claim.sql.js';
import * as inbox from '../../../src/log/persistence/inbox.sql.js';
import * as placement from '../../../src/log/persistence/placement.sql.js';
import * as replies from '../../../src/log/persistence/reply.sql.js';
import * as reads from '../../../src/log/persistence/read.sql.js';
import { eventually } from '../../support/eventually.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { aMessage, anAccount, type LogNode, startLogNode } from '../../support/log-node.js';

/** The account in which all of it is. */
const ACCOUNT = 1;
/** The long log, and how many others there are. */
const LONG = 1;
const USERS = 2_000;
const MESSAGES = 100_000;

interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Index Cond'?: string;
  Plans?: PlanNode[];
}

const { PAGES, ...others } = reads;
const READS = [
  ...[
    PAGES.all.asc,
    PAGES.all.desc,
    PAGES.session.asc,
    PAGES.session.desc,
    PAGES.unread,
    PAGES.unreadInSession,
  ],
  ...Object.values(others),
] as Statement[];
const STATEMENTS = [
  ...[appends, APPEND_ONE, APPEND_EACH, changes, inbox, claims, placement, replies].flatMap((statements) =>
    Object.values<Statement>(statements),
  ),
  ...READS,
].map((statement) => [statement.name, statement] as const);

describe('with 100,000 messages', () => {
  let database: TestDatabase;
  let node: LogNode;
  let account: number;

  beforeAll(async () => {
    database = await createTestDatabase();
    node = await startLogNode(database.url);
    account = await anAccount(node);
    expect(account).toBe(ACCOUNT);
    await fill(node, account);
    await readLongSession();
  });
  const readLongSession = () =>
    node.reader.page(
      { accountId: account, platformUserId: `user-${LONG}`, userId: LONG },
      { agentSessionId: 'long', limit: 1 },
    );
  const scansOf = async (text: string): Promise<PlanNode[]> => {
    const [row] = await node.dataSource.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }[]>(
      `EXPLAIN (GENERIC_PLAN, FORMAT JSON) ${text}`,
    );
    return nodesOf(row?.['QUERY PLAN'][0].Plan).filter(({ 'Relation Name': name }) => name !== undefined);
  };
  const pagesOf = async (text: string, values: unknown[]): Promise<number> => {
    const [row] = await node.dataSource.query<{ 'QUERY PLAN': [{ Plan: Record<string, number> }] }[]>(
      `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`,
      values,
    );
    const plan = row?.['QUERY PLAN'][0].Plan ?? {};
    return (plan['Shared Hit Blocks'] ?? NaN) + (plan['Shared Read Blocks'] ?? NaN);
  };
  afterAll(async () => {
    await node.close();
    await database.drop();
  });

  it.each(STATEMENTS)('%s finds every row by an index that begins with whose it is', async (_, { text }) => {
    const scans = await scansOf(text);
    const tables = scans.filter((scan) => !['ModifyTable', 'LockRows'].includes(scan['Node Type']));
    expect(
      tables.filter((scan) => !/Index/.test(scan['Node Type']) && scan['Node Type'] !== 'Bitmap Heap Scan'),
    ).toEqual([]);
    const ofMessages = tables.filter(
      (scan) => scan['Relation Name'] === 'messages' && /Index/.test(scan['Node Type']),
    );
    for (const scan of ofMessages) expect(scan['Index Cond']).toMatch(/user_id = /);
    const ofAgents = tables.filter((scan) => ['inbox', 'claims'].includes(scan['Relation Name'] ?? ''));
    for (const scan of ofAgents.filter(({ 'Node Type': type }) => /Index/.test(type)))
      expect(scan['Index Cond']).toMatch(/user_id = |^\(+account_id = |^\(holder = /);
  });

  it.each(Object.entries(PAGES.session))(
    'a page of a session (%s) finds it by its key, however many the user has',
    async (_, { text }) => {
      const ofSessions = (await scansOf(text)).filter((scan) => scan['Relation Name'] === 'sessions');
      expect(ofSessions.map((scan) => scan['Index Name'])).toEqual(['sessions_pkey']);
    },
  );

  it.each(Object.values(APPEND_EACH))('$name locks heads in the order of the items', async (statement) => {
    expect(await joinOf(node, statement)).toEqual(IN_ORDER);
  });

  const page = 50;
  const middle = MESSAGES / 2;
  const end = Number.MAX_SAFE_INTEGER;
  const cheap: [string, Statement, unknown[]][] = [
    ['the last page', PAGES.all.desc, [LONG, 0, end, page]],
    ['a page in the middle', PAGES.all.asc, [LONG, middle, end, page]],
    ['a page of a session', PAGES.session.asc, [LONG, middle, end, page, 'long']],
    ['the last page of a session', PAGES.session.desc, [LONG, 0, end, page, 'short']],
    ['what is unread when nearly all is read', PAGES.unread, [LONG, 0, end, page]],
    [
      'what is unread in a session when nearly all is read',
      PAGES.unreadInSession,
      [LONG, 0, end, page, 'long'],
    ],
    ['the log after its middle', reads.AFTER, [LONG, middle, page]],
    ['the end of the log', reads.AFTER, [LONG, MESSAGES - 10, page]],
    ['one message', reads.ONE, [LONG, middle]],
    ['the heads of a hundred users', reads.HEADS, [Array.from({ length: 100 }, (_, index) => index)]],
    ['what waits in an account', inbox.PENDING, [ACCOUNT, 20, null, null]],
    ['whether others have handled', inbox.HANDLED_BETWEEN, [LONG, 'long', MESSAGES - 100, MESSAGES]],
    ['what waits in a session', inbox.PENDING_OF, [2, 'session-2']],
    ['the messages that wait', inbox.WAITING_MESSAGES, [LONG, 'long', MESSAGES - 100, page]],
    ['handling what waits', inbox.SETTLE, [2, 'session-2', 5, null]],
    ['what is unread above the horizon', changes.COUNT_UNREAD_AFTER, [LONG, MESSAGES - 100]],
  ];

  it.each(cheap)('%s costs what it brings, not what there is', async (_, { text }, values) => {
    // the table has some 2,500 pages; each row of a page costs four at most
    expect(await pagesOf(text, values)).toBeLessThan(500);
  });

  it('the total of a session costs what came since it was counted', async () => {
    const uncounted = (messages: number) =>
      node.dataSource.query(
        `UPDATE sessions SET counted_seq = $1, counted = 0 WHERE agent_session_id = 'long'`,
        [MESSAGES - messages],
      );
    const { text } = PAGES.session.desc;
    const lastPage = [LONG, 0, end, 1, 'long'];
    await uncounted(MESSAGES);
    expect(await pagesOf(text, lastPage)).toBeGreaterThan(500); // the first read counts it all, once
    await readLongSession();
    expect(await pagesOf(text, lastPage)).toBeLessThan(50);
    await uncounted(MOST_UNCOUNTED);
    expect(await pagesOf(text, lastPage)).toBeLessThan(100);
  });

  it('moving the head stays on its page (HOT)', async () => {
    const writer = await startLogNode(database.url);
    // Heads from all over the table, as traffic is: 50 that lie on one page fill it within one batch.
    const user = (index: number): string => `user-${2 + ((index * 37) % (USERS - 1))}`;
    for (let round = 0; round < 40; round++)
      await Promise.all(
        Array.from({ length: 50 }, (_, index) => writer.appender.append(account, user(index), aMessage())),
      );
    await writer.close(); // a connection hands in its statistics when it ends
    await eventually(async () => {
      const { updated, hot } = await updates(database);
      expect(updated).toBeGreaterThanOrEqual(2000);
      expect(hot / updated).toBeGreaterThan(0.95);
    });
  });
});

describe('while a log is new', () => {
  it('heads are locked in the order of the items, too: that plan is kept', async () => {
    const database = await createTestDatabase();
    const node = await startLogNode(database.url);
    try {
      for (const statement of Object.values(APPEND_EACH))
        expect(await joinOf(node, statement)).toEqual(IN_ORDER);
    } finally {
      await node.close();
      await database.drop();
    }
  });
});

const IN_ORDER = ['Nested Loop', 'Function Scan', 'platform_users_pkey'];

/** How the heads of a batch are found: the join, what drives it, and the index by which the other side is looked up. */
async function joinOf({ dataSource }: LogNode, { text }: Statement): Promise<(string | undefined)[]> {
  const [row] = await dataSource.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }[]>(
    `EXPLAIN (GENERIC_PLAN, FORMAT JSON) ${text}`,
  );
  const updated = nodesOf(row?.['QUERY PLAN'][0].Plan).find(
    (one) => one['Relation Name'] === 'platform_users' && one['Node Type'] === 'ModifyTable',
  );
  const join = updated?.Plans?.[0];
  return [join, ...(join?.Plans ?? [])].map((one) => one?.['Index Name'] ?? one?.['Node Type']);
}

async function fill({ dataSource }: LogNode, account: number): Promise<void> {
  await dataSource.query(
    `INSERT INTO platform_users (id, account_id, platform_user_id, head_seq, read_seq, unread_count, message_count, current_session)
     SELECT i, $1, 'user-' || i, CASE WHEN i = ${LONG} THEN ${MESSAGES} ELSE 10 END, CASE WHEN i = ${LONG} THEN ${MESSAGES} - 20 ELSE 0 END,
       10, CASE WHEN i = ${LONG} THEN ${MESSAGES} ELSE 10 END, CASE WHEN i = ${LONG} THEN 'long' ELSE 'session-' || i END
     FROM generate_series(1, ${USERS}) i`,
    [account],
  );
  await dataSource.query(
    `INSERT INTO sessions (account_id, agent_session_id, user_id, updated_seq)
     SELECT $1::int, 'session-' || i, i, 1 FROM generate_series(2, ${USERS}) i UNION ALL SELECT $1::int, 'long', ${LONG}, 1 UNION ALL SELECT $1::int, 'short', ${LONG}, 100`,
    [account],
  );
  await dataSource.query(
    `INSERT INTO messages (user_id, seq, updated_seq, agent_session_id, sender, payload, metadata, bytes, created_at, updated_at)
     SELECT ${LONG}, i, i, CASE WHEN i % 1000 = 100 THEN 'short' ELSE 'long' END, CASE WHEN i % 2 = 0 THEN 'user' ELSE 'assistant' END,
       '{"content": "Hello", "attachments": []}'::json, '{}'::json, 41, now(), now() FROM generate_series(1, ${MESSAGES}) i
     UNION ALL
     SELECT u, i, i, 'session-' || u, 'assistant', '{"content": "Hello", "attachments": []}'::json, '{}'::json, 41, now(), now()
     FROM generate_series(2, ${USERS}) u, generate_series(1, 10) i`,
  );
  await dataSource.query(
    `INSERT INTO inbox (user_id, agent_session_id, account_id, since_seq, since)
     SELECT i, CASE WHEN i = ${LONG} THEN 'long' ELSE 'session-' || i END, $1, 1, now() + i * interval '1 s'
     FROM generate_series(1, ${USERS}) i`,
    [account],
  );
  await dataSource.query(
    `INSERT INTO read_marks (user_id, read_seq, read_at) SELECT ${LONG}, i * 100, now() FROM generate_series(1, ${MESSAGES / 100}) i`,
  );
  await dataSource.query('ANALYZE');
}

function nodesOf(plan: PlanNode | undefined): PlanNode[] {
  return plan ? [plan, ...(plan.Plans ?? []).flatMap(nodesOf)] : [];
}

async function updates(database: TestDatabase): Promise<{ updated: number; hot: number }> {
  const client = new pg.Client(database.connection);
  await client.connect();
  const { rows } = await client.query<{ updated: string; hot: string }>(
    "SELECT n_tup_upd AS updated, n_tup_hot_upd AS hot FROM pg_stat_user_tables WHERE relname = 'platform_users'",
  );
  await client.end();
  return { updated: Number(rows[0]?.updated), hot: Number(rows[0]?.hot) };
}
