import type { Statement } from '../../../src/database/database.js';
import * as appends from '../../../src/log/persistence/append.sql.js';
import { APPEND_EACH, APPEND_ONE } from '../../../src/log/persistence/append-each.sql.js';
import * as changes from '../../../src/log/persistence/change.sql.js';
import * as inbox from '../../../src/log/persistence/inbox.sql.js';
import * as reads from '../../../src/log/persistence/read.sql.js';
import * as replies from '../../../src/log/persistence/reply.sql.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { aMessage, anAccount, type LogNode, startLogNode } from '../../support/log-node.js';
import { indexesOf, lengthenLogs, PARTITIONS, partitionMessages } from './partitioned.js';
import { planOf, type Ran, statementsOf } from './statements.js';
import { doEverything, readAll } from './whole-scenario.js';

const { PAGES, ...otherReads } = reads;
const { all, session, ...otherPages } = PAGES;
const EXPORTED: Statement[] = [
  ...[
    appends,
    APPEND_ONE,
    APPEND_EACH,
    changes,
    inbox,
    replies,
    otherReads,
    all,
    session,
    otherPages,
  ].flatMap((room) => Object.values(room)),
];

/** Each has a log of its own before the table is partitioned. */
const OLD_USERS = Array.from({ length: 30 }, (_, i) => `old-${i}`);
/** Say one thing each: so many that by chance, which is where ids come from, no partition is left out (1e-13). */
const MORE_USERS = Array.from({ length: 200 }, (_, i) => `more-${i}`);
/** What looks for messages; a plain INSERT looks for nothing. */
const ofMessages = ({ text }: Ran): boolean => /(FROM|JOIN|UPDATE) messages\b/.test(text);
/** What waits in an account is of many users. */
const OF_MANY_USERS = ['log.inbox.pending', 'log.inbox.pending-of-each'];
/** Of how many users a call was: a batch names one for each item. */
const usersOf = ({ values: [first] }: Ran): number => new Set(String(first).split(',')).size;
const PARTITION = /^messages_\d+$/;

let database: TestDatabase;
let node: LogNode;
let account: number;
let before: unknown[];
let indexesBefore: string[];
let ran: Ran[];
let answers: unknown;

const readOld = () => Promise.all(OLD_USERS.map((user) => readAll(node, account, user, `${user}-session`)));

beforeAll(async () => {
  database = await createTestDatabase();
  node = await startLogNode(database.url);
  account = await anAccount(node);
  await Promise.all(
    OLD_USERS.flatMap((user) =>
      Array.from({ length: 40 }, (_, i) =>
        node.appender.append(
          account,
          user,
          aMessage({ agentSessionId: `${user}-session`, content: `message ${i}` }),
        ),
      ),
    ),
  );
  await lengthenLogs(node, 1_000);
  await Promise.all(MORE_USERS.map((user) => node.appender.append(account, user, aMessage())));
  before = await readOld();
  indexesBefore = await indexesOf(node, 'messages');
  await partitionMessages(node); // under a node that runs, as a planned migration would
  ran = await statementsOf(async () => void (answers = await doEverything(node, account)));
});
afterAll(async () => {
  await node.close();
  await database.drop();
});

describe('messages in partitions by user', () => {
  it('has every index on each, and users in all of them', async () => {
    const tables = Array.from({ length: PARTITIONS }, (_, i) => `messages_${i}`);
    for (const table of tables) {
      const own = (await indexesOf(node, table)).map((text) => text.replace(/messages_\d+/, 'messages'));
      expect(own).toEqual(indexesBefore.map((text) => text.replace('messages_whole', 'messages')));
    }
    const used = await node.dataSource.query<object[]>('SELECT DISTINCT tableoid FROM messages');
    expect(used).toHaveLength(PARTITIONS);
  });

  it('keeps what was there', async () => {
    expect(await readOld()).toEqual(before);
  });

  it('changes no answer of the product', async () => {
    const whole = await createTestDatabase();
    const other = await startLogNode(whole.url);
    try {
      expect(answers).toEqual(await doEverything(other, await anAccount(other)));
    } finally {
      await other.close();
      await whole.drop();
    }
  });

  it('has each statement touch the partition of its users only', async () => {
    expect(EXPORTED.map(({ name }) => name).filter((name) => !ran.some((one) => one.name === name))).toEqual(
      [],
    );
    const touching: string[] = [];
    for (const statement of ran.filter(ofMessages)) {
      const scans = (await planOf(node, statement)).filter(({ 'Relation Name': name = '' }) =>
        PARTITION.test(name),
      );
      const touched = scans.filter(
        (scan) => scan['Actual Loops'] > 0 && !scan['Node Type'].startsWith('Modify'),
      );
      const partitions = new Set(touched.map((scan) => scan['Relation Name']));
      if (!OF_MANY_USERS.includes(statement.name))
        expect([statement.name, partitions.size]).toEqual([
          statement.name,
          Math.min(usersOf(statement), partitions.size),
        ]);
      for (const scan of touched.filter(({ 'Node Type': type }) => type.includes('Index')))
        expect([statement.name, scan['Index Cond']]).toEqual([
          statement.name,
          expect.stringContaining('user_id = '),
        ]);
      if (partitions.size > 0) touching.push(statement.name);
    }
    // each did look something up, so each could have looked too far
    expect(touching.sort()).toEqual(
      ran
        .filter(ofMessages)
        .map(({ name }) => name)
        .sort(),
    );
    expect(touching).toEqual(
      expect.arrayContaining(['log.append.one.user', 'log.after', 'log.message.update']),
    );
  });
});

describe('what a database that is cut by user (Citus) asks for', () => {
  /** Equals a parameter or an item of one, or is given to a new row. */
  const NAMES_USER = /\buser_id = (\$1|[ci]\.user_id)\b|\bINSERT INTO \w+ \([^)]*\buser_id\b/;
  /** Sessions are unique in their account: these find one by its key alone. docs/scaling.md tells what that means. */
  const BY_SESSION_KEY = ['log.count.session', 'sessions.find', 'sessions.update'];

  it('is in each statement of messages, sessions and read marks: it names whose log it is', () => {
    const unnamed = ran
      .filter(({ text }) => /\b(messages|sessions|read_marks)\b/.test(text))
      .filter(({ text }) => !NAMES_USER.test(text));
    expect(unnamed.map(({ name }) => name).sort()).toEqual(BY_SESSION_KEY);
  });

  it('is in each statement of heads: by the user’s id, or once for each user by its name', () => {
    const heads = ran.filter(
      ({ text }) => /\bplatform_users\b/.test(text) && !/\b(messages|sessions)\b/.test(text),
    );
    const byName = heads
      .filter(({ text }) => !/\bid = (\$1|ANY \(\$1|i\.user_id)/.test(text))
      .map(({ name }) => name);
    expect(byName.sort()).toEqual(['users.create', 'users.find']);
    expect(heads.length).toBeGreaterThan(byName.length);
  });
});
