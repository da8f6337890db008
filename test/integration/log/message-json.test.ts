import fc from 'fast-check';
import { messageId } from '../../../src/kernel/ids.js';
import type { Message } from '../../../src/kernel/wire.dto.js';
import type { LogOwner } from '../../../src/log/log-types.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { aMessage, anAccount, type LogNode, startLogNode } from '../../support/log-node.js';

/** Text with whatever JSON has to escape; PostgreSQL has no place for NUL and lone surrogates, and the edges refuse them. */
const text = fc
  .string({ unit: fc.oneof(fc.constantFrom('"', '\\', '\n', '\b', '\u007f', '\u2028', '😀'), fc.string()) })
  .map((any) => any.replaceAll('\0', '').toWellFormed());
/** JSON has no -0. */
const json = fc
  .jsonValue({ stringUnit: 'grapheme', maxDepth: 3 })
  .map((value) => JSON.parse(JSON.stringify(value)) as typeof value)
  .filter(hasNoNul);

describe('a message that PostgreSQL writes as JSON', () => {
  let database: TestDatabase;
  let node: LogNode;
  let account: number;

  beforeAll(async () => {
    database = await createTestDatabase();
    node = await startLogNode(database.url);
    account = await anAccount(node);
  });
  afterAll(async () => {
    await node.close();
    await database.drop();
  });

  const pageText = async (owner: LogOwner) =>
    (await node.reader.page(owner, { limit: 100 })).messages.toString();

  it('is, byte for byte, what its append answered, and what each change of it answered', async () => {
    let user = 0;
    await fc.assert(
      fc.asyncProperty(text, text, text, json, json, async (name, session, content, extra, kept) => {
        const platformUserId = `${user++}${name}`;
        const payload = { content, sender: 'assistant' as const, attachments: [], extra };
        const message = aMessage({
          payload,
          metadata: { kept },
          agentSessionId: `${platformUserId}${session}`,
        });
        const first = await node.appender.append(account, platformUserId, message);
        const second = await node.appender.append(account, platformUserId, message);
        const third = await node.appender.append(account, platformUserId, message);
        const owner = await node.users.ensure(account, platformUserId);
        const all = [first, second, third].map((appended) => appended.message);
        expect(await pageText(owner)).toBe(JSON.stringify(all));

        await node.changes.readMessages(owner, [1]);
        all[0] = await node.reader.message(owner, 1);
        all[1] = await node.changes.edit(owner, 2, {
          payload: { content: `${content}!` },
          metadata: { extra },
        });
        all[2] = await node.changes.delete(owner, 3);
        expect(await pageText(owner)).toBe(JSON.stringify(all));
        expect(all[0]).toMatchObject({ read: true, read_at: all[0].updated_at, updated_seq: 4 });
        expect(all[1]).toMatchObject({ payload: { content: `${content}!`, extra }, metadata: { extra } });
        expect(all[2]).toMatchObject({ deleted_at: all[2].updated_at, metadata: {} });
      }),
      { numRuns: 50 },
    );
  });

  it('has the id, the positions and the times that JavaScript would write', async () => {
    const times = ['2026-11-23T09:00:00.000Z', '2026-01-01T00:00:00.100Z', '2024-02-29T23:59:59.999Z'];
    const users = [1, 31, 32, 2 ** 40 + 5, Number.MAX_SAFE_INTEGER];
    const seqs = [1, 31, 32, 1023, 2 ** 31, 2 ** 32 + 7, 2 ** 45 - 1];
    for (const userId of users) {
      const rows = seqs.map((seq, index) => ({ seq, time: times[index % times.length] as string }));
      await fill(node, account, userId, rows);
      const owner = { accountId: account, platformUserId: `user-${userId}`, userId };
      const { messages } = await node.reader.page(owner, { limit: 100 });
      expect(messages.parse()).toEqual(
        rows.map(({ seq, time }): Message => ({
          ...{ id: messageId({ userId, seq }), platform_user_id: `user-${userId}`, agent_session_id: 's' },
          ...{
            seq,
            updated_seq: seq,
            payload: { content: '', sender: 'user', attachments: [] },
            metadata: {},
          },
          ...{ status: 'complete', read: false, read_at: null, created_at: time, updated_at: time },
        })),
      );
    }
  });

  it('does not depend on the time zone of the database', async () => {
    const { message } = await node.appender.append(account, 'traveller', aMessage());
    await node.dataSource.query(
      `ALTER DATABASE ${database.connection.database} SET timezone = 'Asia/Kolkata'`,
    );
    const abroad = await startLogNode(database.url);
    expect(await abroad.dataSource.query('SHOW timezone')).toEqual([{ TimeZone: 'Asia/Kolkata' }]);
    const owner = await abroad.users.ensure(account, 'traveller');
    expect(await abroad.reader.message(owner, 1)).toEqual(message);
    await abroad.close();
    await node.dataSource.query(`ALTER DATABASE ${database.connection.database} RESET timezone`);
  });
});

async function fill(
  { dataSource }: LogNode,
  account: number,
  userId: number,
  rows: { seq: number; time: string }[],
): Promise<void> {
  await dataSource.query(
    `INSERT INTO platform_users (id, account_id, platform_user_id, message_count) VALUES ($1, $2, $3, $4)`,
    [userId, account, `user-${userId}`, rows.length],
  );
  await dataSource.query(
    `INSERT INTO messages (user_id, seq, updated_seq, agent_session_id, sender, payload, metadata, bytes, created_at, updated_at)
     SELECT $1, seq, seq, 's', 'user', '{"content":"","sender":"user","attachments":[]}', '{}', 2, time, time
     FROM unnest($2::bigint[], $3::timestamptz[]) AS t(seq, time)`,
    [userId, rows.map(({ seq }) => seq), rows.map(({ time }) => time)],
  );
}

function hasNoNul(value: unknown): boolean {
  return !JSON.stringify(value).includes('\\u0000');
}
